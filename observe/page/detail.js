// The pane beside the list: the selected service, and the log of events.
let detail = {}, sections = {}, wanted = 0; // of api/node; parts of the pane; when to ask again

function select(id) {
	selected = cursor = id;
	detail = {};
	sections = {};
	remember();
	ask();
	soon();
}

async function ask() {
	const id = selected;
	wanted = Infinity;
	if (id === null) return;
	const got = await get('node/' + id).catch(e => ({ error: e.message }));
	if (id !== selected) return;
	detail = got;
	wanted = Date.now() + 5e3; // annotations change without an event
	soon();
}

const clock = ms => new Date(ms).toLocaleTimeString();
const title = s => s[0].toUpperCase() + s.slice(1);

// section keeps a part of the pane as it is until its key changes.
function section(name, key, build) {
	const el = sections[name] ??= $('node').appendChild(h('div', { className: name }));
	if (el.key !== key) el.replaceChildren(...build(el.key = key));
	return el;
}

function drawDetail() {
	if (!Object.keys(sections).length) $('node').replaceChildren();
	if (selected === null) {
		section('hint', 1, () => ['Select a service to see its history, last error and stack.']);
		return;
	}
	const n = nodes.get(selected), { page, error, path: p = n ? path(n) : '', id, service: s } = detail;
	section('title', p + error, () => [h('h2', { textContent: n?.r.n || s?.name }), h('p', { textContent: error || p })]);
	if (!page) return;
	drawFacts(section('facts', 1, () => [h('dl')]).firstChild, page.facts);
	section('plot', page.plot, plot);
	section('acts', [id, detail.epoch, p].join(), () => id ? buttons(detail) : []);
	section('texts', JSON.stringify(page.texts), () => page.texts.map(t =>
		h('details', { open: !!t.o }, h('summary', { textContent: clock(t.t) + ' ' + t.k }), h('pre', { textContent: t.v }))));
}

function drawFacts(dl, facts) {
	while (dl.children.length < facts.length * 2) dl.append(h('dt'), h('dd'));
	while (dl.children.length > facts.length * 2) dl.lastChild.remove();
	facts.forEach((f, i) => {
		const dd = dl.children[i * 2 + 1];
		const text = [f.v, f.t && `${ago(f.t)} (${new Date(f.t).toLocaleString()})`, f.u && left(f.u)].filter(Boolean).join(' ');
		say(dl.children[i * 2], f.k);
		if (dd.said === text) return;
		dd.said = text;
		dd.replaceChildren(f.i ? h('button', { textContent: text, onclick: () => go(f.i) }) : text);
	});
}

function plot(bars) {
	if (!bars) return [];
	const make = (tag, attrs) => {
		const el = document.createElementNS('http://www.w3.org/2000/svg', tag);
		for (const a in attrs) attr(el, a, attrs[a]);
		return el;
	};
	const svg = make('svg', { viewBox: '0 0 60 10', preserveAspectRatio: 'none', 'aria-hidden': true });
	svg.append(make('path', { d: bars }));
	return [svg, 'Failures in the last hour'];
}

// buttons act on what is shown with them: the program and the service there may change.
function buttons({ id, epoch, path }) {
	const answer = h('p', { role: 'status' });
	const button = (textContent, onclick) => h('button', { textContent, onclick });
	return [
		button('Goroutines', async () => {
			const text = await fetch(`${base}api/node/${id}/goroutines`).then(a => a.text(), String);
			if (id === selected) section('dump', {}, () => [h('pre', { textContent: text })]);
		}),
		...!first.allow ? [] : ['restart', 'suspend', 'remove'].map(what => button(title(what), async () => {
			if (!confirm(`${title(what)} ${path}?`)) return;
			const r = nodes.get(id)?.r, body = new URLSearchParams({ epoch, path });
			const a = await fetch(`${base}api/node/${id}/${what}`, { method: 'POST', body }).catch(String);
			answer.textContent = a.text ? await a.text() : a;
			if (a.ok) asked.set(id, { what, r, t: now() });
			soon();
		})),
		answer];
}

// The log folds what happens again, and what happens to several in a second.
const lines = [];
let logged;

function log(events) { // newest first
	for (const e of events.toReversed()) {
		const i = lines.findIndex(l => l.e.f === e.f && (l.e.i === e.i || Math.abs(l.e.t - e.t) < 1e3));
		const l = i < 0 ? { n: 0, ids: new Set() } : lines.splice(i, 1)[0];
		l.e = e;
		l.n++;
		l.ids.add(e.i);
		lines.unshift(l);
	}
	lines.length = Math.min(lines.length, 500);
	logged = true;
}

function drawLog() {
	if (!logged) return;
	logged = false;
	const box = $('log');
	while (box.children.length < Math.min(40, lines.length)) box.append(h('button', {}, h('time'), ' ', h('b'), ' ', h('span')));
	[...box.children].forEach((b, i) => {
		if (b.hidden = i >= lines.length) return;
		const { e, n, ids } = lines[i], [time, kind, text] = b.children;
		b.onclick = () => go(e.i, e.p);
		b.title = e.p;
		say(time, clock(e.t));
		say(kind, e.w);
		attr(kind, 'data-l', e.l);
		say(text, e.n + (n > 1 ? ` ×${n}` : '') + (ids.size > 1 ? ` (${ids.size} services)` : '') + (e.x ? ' — ' + e.x : ''));
	});
}

// go selects a service and opens its branch. Supervisors are known by their path.
function go(id, p) {
	const n = id ? nodes.get(id) : [...nodes.values()].find(n => path(n) === p);
	if (!n && !id) return;
	for (let u = n?.up; u; u = u.up) u.open = true;
	select(n ? n.r.i : id);
	flatten();
	if (at(selected) >= 0) move(at(selected));
	changed();
}
