package observe

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/internal/asked"
)

// rendering is an answer with the whole tree in it, or much of it: made once of one
// moment, for all who ask. It is kept compressed and unpacked on the way to those
// who cannot read that, so that what many readers hold is little, however slow they
// are: of 100,000 services 4 MB, not 60.
type rendering struct {
	of   edition
	gzip []byte
	size int64 // unpacked
}

// render makes the rendering of o.
func (k *kind) render(o *opening) (*rendering, error) {
	var to bytes.Buffer
	z, err := gzip.NewWriterLevel(&to, k.level)
	if err != nil {
		return nil, err
	}
	counted := &counter{to: z}
	if err := k.write(counted, o); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return &rendering{o.edition, to.Bytes(), counted.n}, nil
}

// counter counts what is written.
type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	return n, err
}

// kind is a kind of rendering, and the last one of it.
type kind struct {
	contentType string
	level       int // of compression
	write       func(w io.Writer, o *opening) error

	question asked.Question[made]
	last     atomic.Pointer[rendering]
}

// made is what comes of making a rendering.
type made struct {
	rendering *rendering
	err       error
}

// kinds are what there is.
type kinds struct{ tree, text, dot, view, page *kind }

func (p *Page) newKinds() kinds {
	const asJSON = "application/json; charset=utf-8"
	return kinds{
		tree: p.newKind(asJSON, gzip.BestSpeed, func(w io.Writer, o *opening) error { return writeStatus(w, &o.view.status) }),
		text: p.newKind("text/plain; charset=utf-8", gzip.BestSpeed, writeText),
		dot:  p.newKind("text/vnd.graphviz; charset=utf-8", gzip.BestSpeed, writeDot),
		view: p.newKind(asJSON, gzip.DefaultCompression, p.writeBeginning),
		page: p.newKind("text/html; charset=utf-8", gzip.DefaultCompression, p.writePage),
	}
}

// renderPatience is how long a rendering may take before those who wait are told to
// come again: ten times what the largest trees need.
const renderPatience = time.Minute

// newKind makes a kind whose renderings are of what the page knows when somebody asks.
// Who comes while one is being made gets it, too; and so does who comes later, as
// long as there is nothing newer.
func (p *Page) newKind(contentType string, level int, write func(w io.Writer, o *opening) error) *kind {
	k := &kind{contentType: contentType, level: level, write: write}
	k.question.Patience = renderPatience
	k.question.Ask = func() made {
		d, err := p.render(context.Background(), k, 0)
		return made{d, err}
	}
	return k
}

// render makes a rendering of the newest view, unless there is one. One is being made
// at a time, of whatever kind.
func (p *Page) render(ctx context.Context, k *kind, wanted uint64) (*rendering, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	o, err := p.hub.opening(ctx)
	if err != nil {
		return nil, err
	}
	if o.wanted = wanted; wanted != 0 {
		return k.render(o)
	}
	if last := k.last.Load(); last != nil && last.of == o.edition {
		return last, nil
	}
	d, err := k.render(o)
	k.last.Store(d)
	return d, err
}

// serve answers with the newest rendering.
func (k *kind) serve(w http.ResponseWriter, r *http.Request) {
	m, err := k.question.Answer(r.Context())
	if err == nil {
		err = m.err
	}
	k.send(w, r, m.rendering, err)
}

// serveWanted answers with a rendering of its own, if the request names a service
// that might not be among the rows of the one for all.
func (p *Page) serveWanted(k *kind, w http.ResponseWriter, r *http.Request) {
	path, id := r.URL.Query().Get("path"), number(r.URL.Query().Get("id"))
	if path == "" && id == 0 {
		k.serve(w, r)
		return
	}
	v := p.look(r)
	if v == nil {
		return
	}
	if wanted := v.wanted(path, id); wanted != 0 && v.isLarge() {
		d, err := p.render(r.Context(), k, wanted)
		k.send(w, r, d, err)
		return
	}
	k.serve(w, r)
}

// wanted is the id of the service that a link means: the path, as an id is another
// service in another program; the id tells services with the same path apart. 0: there
// is none.
func (v *view) wanted(path string, id uint64) uint64 {
	i := v.place[id]
	switch {
	case i != 0 && (path == "" || v.service(i).Path == path):
		return id
	case path != "":
		return idAt(&v.status, path)
	}
	return 0
}

// send sends d as the reader can read it, or why there is none.
func (k *kind) send(w http.ResponseWriter, r *http.Request, d *rendering, err error) {
	switch {
	case r.Context().Err() != nil: // there is nobody to tell
		return
	case err != nil:
		http.Error(w, "observe: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	to := begin(w, k.contentType)
	if acceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(d.gzip)))
		_, _ = to.Write(d.gzip) // if the reader is gone, there is nobody to tell
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(d.size, 10))
	if z, err := gzip.NewReader(bytes.NewReader(d.gzip)); err == nil { // it is, as render made it
		_, _ = io.Copy(to, z)
	}
}
