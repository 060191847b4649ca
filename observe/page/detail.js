// The pane beside the list: the selected service, and the log of events.
let detail = {}, sections = {}, wanted = 0; // of api/node; parts of the pane; when to ask again
let chosen = '', asking; // the path of what is selected, or was in an earlier program; a timer

function select(id, p = '') {
	selected = cursor = id;
	const n = nodes.get(id);
	chosen = n ? path(n) : p;
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
	if (!chosen && got.path) {
		chosen = got.path;
		remember();
	}
	wanted = Date.now() + 5e3; // annotations change without an event
	soon();
}

// askSoon asks at most five times a second, whatever happens.
function askSoon() {
	asking ??= setTimeout(() => { asking = null; ask(); }, 200);
}

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
		section('hint', chosen, () => [chosen ? `${chosen} is not there.` : 'Select a service to see its history, last error and stack.']);
		return;
	}
	const n = nodes.get(selected), { page, error, path: p = n ? path(n) : '', id, service: s } = detail;
	section('title', p + error, () => [h('h2', { textContent: n?.r.n || s?.name }), h('p', { textContent: error || p })]);
	if (!page) return;
	drawFacts(section('facts', 1, () => [h('dl')]).firstChild, page.facts, n);
	section('plot', page.plot, plot);
	section('acts', [id, detail.epoch, p, detail.supervisor?.paused_until].join(), () => buttons(detail));
	section('texts', JSON.stringify(page.texts), () => page.texts.map(t =>
		h('details', { open: !!t.o }, h('summary', { textContent: clock(t.t) + ' ' + t.k, title: date(t.t) }), h('pre', {}, ...t.v ? [h('b', { textContent: t.v })] : [], t.s || ''))));
	const own = detail.events.filter(passes);
	section('past', JSON.stringify(own), () => own.length ? [h('h3', { textContent: 'What happened to it' }),
		...own.map(e => tell(h('p', { title: date(e.t) }, ...line()), e, e.x || ''))] : []);
}

// drawFacts says of the state what the list says, which is told first.
function drawFacts(dl, facts, n) {
	while (dl.children.length < facts.length * 2) dl.append(h('dt'), h('dd'));
	while (dl.children.length > facts.length * 2) dl.lastChild.remove();
	facts.forEach((f, i) => {
		if (f.k === 'State' && n?.up) f = { k: f.k, v: [requested(n.r), state(n) + ' for'].filter(Boolean).join(', '), t: n.r.t * 1e3 };
		const dd = dl.children[i * 2 + 1];
		const text = [f.v, f.t && `${ago(f.t)} (${date(f.t)})`, f.u && left(f.u)].filter(Boolean).join(' ');
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

// buttons are for what is shown with them: the program and the service there may change.
function buttons({ id, epoch, path, supervisor: s }) {
	const answer = h('p', { role: 'status' });
	return [
		...!id ? [] : [button('Goroutines', async () => {
			const text = await fetch(`${base}api/node/${id}/goroutines`).then(a => a.text(), String);
			if (id === selected) section('dump', {}, () => [h('pre', { textContent: text })]);
		}, 'far')],
		button('Copy', async () => { answer.textContent = await copy(asText()); }),
		button('Download', () => download(asText(), path.replace(/[^\w.-]+/g, '-') + '.txt')),
		...actions(() => [{ id, epoch, path }], answer, [...s?.paused_until ? ['resume'] : [], ...id ? acts : []]),
		...!id || !first.allow ? [] : [button('Mark', () => mark({ id, epoch, path }))],
		answer];
}
