package observe

import "net/http"

// admit sets the headers that keep the page from doing anything but what it is for,
// and says whether r, for what is at a path of the page, may be answered; if not, it
// has answered.
func (p *Page) admit(w http.ResponseWriter, r *http.Request, at string) bool {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	code, why := p.gate.Refuse(r, at == "/")
	switch code {
	case 0:
		return true
	case http.StatusMisdirectedRequest:
		why += "; see Options.Hosts"
	}
	http.Error(w, "observe: "+why, code)
	return false
}
