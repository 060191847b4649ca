package observe

import (
	"cmp"
	"slices"
)

// model does with rows and changes what model.js does.
type model struct {
	nodes map[uint64]*modelNode
}

type modelNode struct {
	row  row
	kids []uint64
}

func newModel(rows []row) *model {
	m := &model{nodes: map[uint64]*modelNode{}}
	for _, r := range rows {
		m.put(r)
	}
	return m
}

func (m *model) put(r row) {
	r.Branch.Supervisor = r.Branch.Services > 0 || r.Branch.Threshold > 0 // does not travel
	n := m.nodes[r.ID]
	if n == nil {
		n = &modelNode{}
		m.nodes[r.ID] = n
	} else if up := m.nodes[n.row.Parent]; r.ID == 0 || n.row.Parent == r.Parent {
		n.row = r
		return
	} else if up != nil {
		up.kids = slices.DeleteFunc(up.kids, func(k uint64) bool { return k == r.ID })
	}
	n.row = r
	if r.ID != 0 {
		up := m.nodes[r.Parent]
		up.kids = append(up.kids, r.ID)
		slices.SortFunc(up.kids, cmp.Compare[uint64])
	}
}

func (m *model) apply(c change) {
	for _, id := range c.Gone {
		if up := m.nodes[m.nodes[id].row.Parent]; up != nil {
			up.kids = slices.DeleteFunc(up.kids, func(k uint64) bool { return k == id })
		}
		delete(m.nodes, id)
	}
	for _, r := range c.Rows {
		m.put(r)
	}
}

// rows are the model in the order of the page.
func (m *model) rows() (rows []row) {
	var visit func(id uint64)
	visit = func(id uint64) {
		rows = append(rows, m.nodes[id].row)
		for _, k := range m.nodes[id].kids {
			visit(k)
		}
	}
	visit(0)
	return rows
}
