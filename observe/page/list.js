// The list. Only rows that can be seen are in the document.
const H = 28, MOST = 84; // height of a row as in page.css, rows at once
const tree = $('tree'), pool = [];
const order = ['failed', 'stuck', 'backoff', 'stopping', 'starting', 'pending', 'running', 'suspended', 'done'];
let list = [], found = null; // nodes shown; those that the server found
let cursor = null, selected = null; // ids
let words = [], only = new Set(); // the filter
const asked = new Map(); // by id: {what, r: the row then, t: when}

const h = (tag, props, ...kids) => {
	const el = Object.assign(document.createElement(tag), props);
	el.append(...kids);
	return el;
};
const say = (el, text) => { if (el.said !== text) el.textContent = el.said = text; };
const attr = (el, name, v) => {
	if (v == null) el.removeAttribute(name);
	else if (el.getAttribute(name) !== String(v)) el.setAttribute(name, v);
};

// Times in one unit, to be read at a glance.
const unit = s => {
	for (const [n, u] of [[86400, 'd'], [3600, 'h'], [60, 'm']]) if (s >= n) return Math.floor(s / n) + u;
	return Math.max(0, s) + 's';
};
const ago = ms => unit(Math.floor((now() - ms) / 1000));
const left = ms => unit(Math.ceil((ms - now()) / 1000));

function matches(n) {
	if (only.size && (!n.up || !only.has(state(n)))) return false;
	n.text ??= [path(n), n.r.n, n.r.e].join('\n').toLowerCase();
	return words.every(w => n.text.includes(w));
}

function flatten() {
	const all = words.length || only.size;
	const visit = (n, depth) => {
		const at = list.length;
		let hit = !all || matches(n);
		n.depth = depth++;
		list.push(n);
		if (all || n.open) n.kids.forEach((k, i) => {
			k.place = i;
			hit = visit(k, depth) || hit;
		});
		if (!all && n.open && !n.full) list.push({ more: n, depth, kids: [], r: { n: n.busy ? 'loading…' : `show more of ${n.r.b.n}` } });
		if (!hit) list.length = at;
		return hit;
	};
	list = found || [];
	if (!found) visit(root, 0);
	list.forEach((n, i) => n.at = i);
	$('rows').style.height = list.length * H + 'px';
}

const at = id => {
	const n = nodes.get(id);
	return n && list[n.at] === n ? n.at : list.findIndex(n => n.r.i === id);
};

function draw() {
	const top = Math.max(0, Math.floor(tree.scrollTop / H) - 4);
	const end = Math.min(list.length, top + MOST, top + Math.ceil(tree.clientHeight / H) + 8);
	while (pool.length < end - top) pool.push(newRow());
	for (let i = top; i < end; i++) {
		const el = pool[i % pool.length];
		el.style.transform = `translateY(${(el.index = i) * H}px)`;
		paint(el, list[i]);
	}
	for (const el of pool) el.hidden = el.index < top || el.index >= end;
	const c = at(cursor);
	attr(tree, 'aria-activedescendant', c >= top && c < end ? pool[c % pool.length].id : null);
}

function newRow() {
	const el = h('div', { id: 'r' + pool.length, role: 'treeitem', name: h('bdi') });
	el.append(...el.cells = ['name', 'state', 'for', 'starts', 'level', 'error'].map(c => h('span', { className: c })));
	el.cells[0].append(el.name);
	return $('rows').appendChild(el);
}

function paint(el, n) {
	const { r } = n, { b } = r, [name, st, since, starts, lev, err] = el.cells;
	const open = inside(n) ? !!(n.open || words.length || only.size) : null;
	const paused = b?.u > now(), a = asked.get(r.i);
	el.className = `row ${b ? 'sup' : ''} ${n.more ? 'more' : ''} ${open ? 'open' : open === false ? 'shut' : ''}` +
		`${r.i === cursor ? ' cursor' : ''}${r.i === selected ? ' selected' : ''}`;
	attr(el, 'aria-level', n.depth + 1);
	attr(el, 'aria-expanded', open);
	attr(el, 'aria-selected', r.i === selected);
	attr(el, 'aria-setsize', n.up?.r.b?.n || 1);
	attr(el, 'aria-posinset', (n.place || 0) + 1);
	name.style.paddingLeft = 14 + n.depth * 18 + 'px';
	say(el.name, r.n);
	attr(name, 'data-n', b?.n);
	attr(st, 'data-s', paused ? 'backoff' : state(n));
	say(st, n.more ? '' : a?.r === r && now() - a.t < 1e4 ? a.what + ' requested' : paused ? 'paused ' + left(b.u) :
		state(n) === 'backoff' && r.u > now() ? 'in ' + left(r.u) : state(n));
	say(since, r.t ? ago(r.t * 1000) : '');
	say(starts, r.r || '');
	paintLevel(lev, r, b);
	const sum = b && !open && order.map(s => [b.s[states.indexOf(s)], s]).filter(([k, s]) => k && s !== 'running');
	attr(err, 'data-s', sum && troubled(n) ? sum[0][1] : null);
	say(err, sum?.length ? sum.map(p => p.join(' ')).join(', ') + ' of ' + below(n).toLocaleString() : r.w || r.e || '');
}

// paintLevel shows the failure count, which halves every b.d.
function paintLevel(el, r, b) {
	const l = b && b.c * 2 ** ((b.a - Math.max(b.a, now())) / b.d);
	say(el, b ? `${l.toFixed(1)}/${+b.h.toFixed(1)}` : r.l ? `${r.c || 0} of ${r.l}` : '');
	if (!b) return;
	const m = el.meter ??= h('meter');
	if (!m.isConnected) el.prepend(m);
	Object.assign(m, { max: b.h, low: b.h * .4, high: b.h * .8, optimum: 0, value: l });
}

function toggle(n) {
	if (!inside(n)) return;
	n.open = !n.open;
	n.shut = !n.open;
	if (n.open && !n.full && !n.kids.length) more(n);
	changed();
}

// move puts the cursor on a line and makes that visible.
function move(i) {
	const n = list[i = Math.max(0, Math.min(list.length - 1, i))];
	if (!n) return;
	if (n.more) more(n.more);
	else cursor = n.r.i;
	tree.scrollTop = Math.max(Math.min(tree.scrollTop, i * H), (i + 1) * H - tree.clientHeight);
	soon();
}

tree.onclick = e => {
	const el = e.target.closest('.row'), n = el && list[el.index];
	if (!n) return;
	if (n.more) return more(n.more);
	cursor = n.r.i;
	if (e.detail && e.clientX - el.getBoundingClientRect().left < 32 + n.depth * 18) toggle(n);
	else select(cursor);
};

tree.onkeydown = e => {
	if (e.ctrlKey || e.metaKey || e.altKey) return;
	const i = at(cursor), n = list[i], page = Math.floor(tree.clientHeight / H) - 1;
	const act = {
		ArrowDown: () => move(i + 1),
		ArrowUp: () => move(i - 1),
		PageDown: () => move(i + page),
		PageUp: () => move(i - page),
		Home: () => move(0),
		End: () => move(list.length),
		ArrowRight: () => n && (n.open ? move(i + 1) : toggle(n)),
		ArrowLeft: () => n && (n.open && inside(n) ? toggle(n) : n.up && move(at(n.up.r.i))),
		Enter: () => n && select(cursor),
	}[e.key];
	if (!act) return;
	e.preventDefault();
	act();
};
tree.onscroll = () => soon();
