// The list. Only rows that can be seen are in the document.
let H = 28; // height of a row as in page.css
const MOST = 80; // rows at once
const tree = $('tree'), pool = [];
const order = ['failed', 'stuck', 'backoff', 'stopping', 'starting', 'pending', 'running', 'suspended', 'done'];
let list = [], found = null, cut = ''; // nodes shown; what the server found
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

function matches(n) {
	if (only.size && (!n.up || !only.has(state(n)) && !(only.has('trouble') && troubles.includes(n.r.s)))) return false;
	n.text ??= [path(n), n.r.n, n.r.e].join('\n').toLowerCase();
	return words.every(w => n.text.includes(w));
}

function flatten() {
	const all = words.length || only.size, by = sorting();
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
	if (by) list = sorted([...found || nodes.values()].filter(n => n.up && matches(n)), by);
	else if (!found) visit(root, 0);
	if (cut) list = list.concat({ more: { busy: 1 }, depth: 0, kids: [], r: { n: cut } });
	list.forEach((n, i) => n.at = i);
	$('rows').style.height = list.length * H + 'px';
}

const at = id => {
	const n = nodes.get(id);
	return n && list[n.at] === n ? n.at : list.findIndex(n => n.r.i === id);
};

// fit makes rows of two lines where one has no room for an error.
function fit() {
	const slim = tree.clientWidth < 640, was = H;
	H = slim ? 46 : 28;
	if (H !== was) stale = true;
	attr(tree.parentNode, 'class', slim ? 'slim' : '');
}

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
	const flat = sorting(), open = folds(n) ? !!(n.open || words.length || only.size) : null;
	const paused = b?.u > now();
	el.className = `row ${b ? 'sup' : ''} ${n.more ? 'more' : ''} ${open ? 'open' : open === false ? 'shut' : ''}` +
		`${r.i === cursor ? ' cursor' : ''}${r.i === selected ? ' selected' : ''}${marked.has(r.i) ? ' marked' : ''}`;
	const depth = flat ? 0 : n.depth;
	attr(el, 'aria-level', depth + 1);
	attr(el, 'aria-expanded', open);
	attr(el, 'aria-selected', r.i === selected);
	attr(el, 'aria-checked', marked.size && r.i ? marked.has(r.i) : null);
	attr(el, 'aria-setsize', flat ? list.length : n.up?.r.b?.n || 1);
	attr(el, 'aria-posinset', flat ? el.index + 1 : (n.place || 0) + 1);
	name.style.paddingLeft = 14 + depth * 18 + 'px';
	say(el.name, r.n);
	attr(name, 'data-n', [b && b.n + (b.z || 0), flat && n.up && 'in ' + path(n.up)].filter(Boolean).join(' ') || null);
	attr(st, 'data-s', paused ? 'backoff' : state(n));
	say(st, n.more ? '' : requested(r) || (paused ? 'paused ' + left(b.u) :
		state(n) === 'backoff' && r.u > now() ? 'in ' + left(r.u) : state(n)));
	say(since, r.t ? ago(r.t * 1000) : '');
	say(starts, r.r || '');
	paintLevel(lev, r, b, flat);
	const sum = b && !open && !flat && order.map(s => [b.s[states.indexOf(s)], s]).filter(([k, s]) => k && s !== 'running');
	const told = sum?.length || r.w;
	attr(err, 'data-s', sum && troubled(n) ? sum[0][1] : null);
	attr(err, 'data-t', r.m ? ago(r.m * 1e3) : r.a && !told ? ago(r.a * 1e3) : null);
	attr(err, 'class', 'error' + (r.a * 1e3 > now() - 36e5 ? ' fresh' : ''));
	say(err, sum?.length ? sum.map(p => p.join(' ')).join(', ') + ' of ' + below(n).toLocaleString() : r.w || r.e || '');
}

// requested is what somebody has asked of a service that has not changed since.
function requested(r) {
	const a = asked.get(r.i);
	return a?.r === r && now() - a.t < 1e4 ? a.what + ' requested' : '';
}

// paintLevel shows how often a service has failed, and its budget; of a supervisor
// the failure count, which halves every b.d, unless there is none.
function paintLevel(el, r, b, flat) {
	const l = b ? b.c * 2 ** ((b.a - Math.max(b.a, now())) / b.d) : 0, quiet = l < .05 || flat === 'goroutines';
	say(el, flat === 'goroutines' ? census[r.i] || '' : b ? quiet ? '' : `${l.toFixed(1)}/${+b.h.toFixed(1)}` :
		(r.f || '') + (r.l && r.f ? `, ${r.c || 0} of ${r.l}` : ''));
	if (quiet) return void el.meter?.remove();
	const m = el.meter ??= h('meter', { ariaLabel: 'Failure count' });
	if (!m.isConnected) el.prepend(m);
	Object.assign(m, { max: b.h, low: b.h * .4, high: b.h * .8, optimum: 0, value: l });
}

const folds = n => inside(n) && !sorting();
function toggle(n) {
	if (!folds(n)) return;
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
	if (first.allow && e.shiftKey) return markTo(el.index);
	cursor = n.r.i;
	if (first.allow && (e.ctrlKey || e.metaKey)) return mark(target(n));
	if (e.detail && folds(n) && e.clientX - el.getBoundingClientRect().left < 32 + n.depth * 18) toggle(n);
	else select(cursor);
};

tree.onkeydown = e => {
	if ((e.ctrlKey || e.metaKey) && e.key === 'a' && first.allow) {
		e.preventDefault();
		for (const n of list) if (matches(n)) mark(target(n), true);
	}
	if (e.ctrlKey || e.metaKey || e.altKey) return;
	const i = at(cursor), n = list[i], page = Math.floor(tree.clientHeight / H) - 1;
	const act = {
		ArrowDown: () => move(i + 1), ArrowUp: () => move(i - 1),
		PageDown: () => move(i + page), PageUp: () => move(i - page),
		Home: () => move(0), End: () => move(list.length),
		ArrowRight: () => n && (n.open ? move(i + 1) : toggle(n)),
		ArrowLeft: () => n && (n.open && inside(n) ? toggle(n) : n.up && move(at(n.up.r.i))),
		Enter: () => n && select(cursor),
		' ': () => n && mark(target(n)),
	}[e.key];
	if (!act) return;
	e.preventDefault();
	act();
};
tree.onscroll = () => soon();
