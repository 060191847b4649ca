'use strict';
// The tree. A node is {r: row (see row.go), up, kids (by id), open, full: all kids are here}.
const $ = id => document.getElementById(id);
const base = location.pathname.replace(/\/*$/, '/');
const first = JSON.parse($('data').textContent), { states, troubles } = first;
const nodes = new Map();
let root, rootPath = '', skew = 0;
let newest = 0; // the time of the last view or frame

const now = () => Date.now() + skew; // by the server's clock
const state = n => states[n.r.s];
const below = n => n.r.b ? n.r.b.s.reduce((a, b) => a + b) : 0;
const troubled = n => troubles.some(s => n.r.b?.s[s]);
const partial = () => [...nodes.values()].reduce((sum, n) => sum + (n.r.b?.z || 0), nodes.size) <= below(root); // the idle have no rows
const named = (at, name) => at + '/' + name.replace(/[/%]/g, encodeURIComponent);
const path = n => n.up ? named(inner(n.up), n.r.n) : rootPath;
const inner = n => n.r.b?.x ? named(path(n), n.r.b.x) : path(n); // of the supervisor that it serves
const seek = (p, id) => { // a path, and the id where there are two of it
	const is = n => path(n) === p || inner(n) === p, n = nodes.get(id);
	return n && is(n) ? n : [...nodes.values()].find(is);
};
const inside = n => n.kids.length || n.r.b?.n; // it can be opened

// load replaces all by a view. What was open stays so. At first that is all of a
// small tree, else what is in trouble if that is not too much.
function load(view) {
	const before = new Map(nodes);
	nodes.clear();
	rootPath = view.path;
	newest = view.at;
	skew = view.at - Date.now();
	for (const r of view.rows) put(r, true);
	for (const n of nodes.values()) {
		const { open, shut } = before.get(n.r.i) || {
			open: n === root || nodes.size <= 200 || troubled(n) && n.kids.length <= 500,
		};
		n.shut = shut;
		n.full = n.kids.length >= (n.r.b?.n || 0);
		n.open = open && (n.full || n.kids.length > 0);
	}
}

// put takes in a row. A new one of a branch not all here waits until that is fetched.
function put(r, loading) {
	const up = nodes.get(r.p);
	let n = nodes.get(r.i);
	if (n) n.r = r;
	if (!n || r.i && n.up !== up) {
		leave(n);
		if (r.i && !(up && (loading || up.full))) return drop(n);
		nodes.set(r.i, n ||= { r, kids: [], open: nodes.size < 200, full: !loading || !r.b?.n });
		if (!r.i) root = n;
		else {
			n.up = up;
			const last = up.kids.at(-1);
			up.kids.push(n);
			if (last?.r.i > r.i) up.kids.sort((a, b) => a.r.i - b.r.i);
		}
	}
	n.text = null;
	return n;
}

function leave(n) {
	if (n?.up) n.up.kids = n.up.kids.filter(k => k !== n);
}

function drop(n) {
	nodes.delete(n?.r.i);
	n?.kids.forEach(drop);
}

// change takes in a frame. What fails for good opens its branch, unless somebody
// closed that.
function change({ at, gone = [], rows = [] }) {
	newest = at;
	skew = at - Date.now();
	for (const id of gone) {
		leave(nodes.get(id));
		nodes.delete(id);
	}
	const made = rows.filter(r => r.b && !nodes.has(r.i));
	for (const r of rows) {
		const was = nodes.get(r.i)?.r.s, n = put(r);
		if (!n || was === r.s || !troubles.includes(r.s) || state(n) === 'backoff') continue;
		for (let u = n.up; u; u = u.up) if (!u.shut && u.kids.length <= 500) u.open = true;
	}
	for (const n of made.map(r => nodes.get(r.i))) if (n) n.full = n.kids.length >= n.r.b.n;
}

async function get(what) {
	const a = await fetch(base + 'api/' + what, { headers: { Accept: 'application/json' } });
	if (!a.ok) throw Object.assign(Error(await a.text()), { code: a.status });
	return a.json();
}

// more fetches the next services of a branch, as they are now.
async function more(n) {
	if (n.busy) return;
	n.busy = true;
	try {
		let got, tries = 3;
		do got = await get(`view?under=${n.r.i}&after=${n.kids.at(-1)?.r.i || 0}`);
		while (got.at < newest && --tries); // frames have passed it by
		for (const r of got.rows) put(r, true);
		n.full = n.kids.length >= got.total;
	} catch {
		n.open = n.kids.length > 0;
	}
	n.busy = false;
	changed();
}
