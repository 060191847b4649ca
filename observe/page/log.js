// The log folds what happens again, and what happens to several in a second.
const lines = [], grades = ['debug', 'info', 'warn', 'error'];
let logged, people = [], level = ''; // acts, which floods leave alone; what is shown

function log(events) { // newest first
	for (const e of events.toReversed()) {
		const i = lines.findIndex(l => l.e.f === e.f && (l.e.i === e.i || Math.abs(l.e.t - e.t) < 1e3));
		const l = i < 0 ? { n: 0, ids: new Set() } : lines.splice(i, 1)[0];
		l.e = e;
		l.n++;
		l.ids.add(e.i);
		lines.unshift(l);
		if (e.l && !e.k) people.unshift(e);
	}
	lines.length = Math.min(lines.length, 500);
	people.length = Math.min(people.length, 50);
	logged = true;
}

// passes: e is of the level that is asked for. What is not said has none.
const passes = e => level === 'people' ? e.l && !e.k : !e.l || grades.findIndex(g => g[0] === e.l[0].toLowerCase()) >= grades.indexOf(level);

function drawLog() {
	if (!logged) return;
	logged = false;
	const box = $('log'), shown = (level === 'people' ? people.map(e => ({ e, n: 1, ids: [] })) : lines.filter(l => passes(l.e))).slice(0, 30);
	while (box.children.length < shown.length) box.append(h('button', {}, ...line()));
	[...box.children].forEach((b, i) => {
		if (b.hidden = i >= shown.length) return;
		const { e, n, ids } = shown[i];
		b.onclick = () => go(e.i, e.i ? '' : e.p);
		b.title = `${date(e.t)} ${e.p}`;
		tell(b, e, e.n + (n > 1 ? ` ×${n}` : '') + (ids.size > 1 ? ` (${ids.size} services)` : '') + (e.x ? ' — ' + e.x : ''));
	});
	say($('zone'), zone(now()));
}

const line = () => [h('time'), ' ', h('b'), ' ', h('span')];
function tell(el, e, text) {
	const [time, kind, rest] = el.children;
	say(time, clock(e.t));
	say(kind, e.w);
	attr(kind, 'data-l', e.l);
	attr(kind, 'data-w', e.w);
	say(rest, text);
	return el;
}

$('level').onchange = e => {
	level = e.target.value;
	logged = true;
	remember();
	soon();
};

// go selects a service and opens its branch. Supervisors are known by their path.
function go(id, p) {
	const n = id ? nodes.get(id) : seek(p);
	if (!n && !id) return;
	for (let u = n?.up; u; u = u.up) u.open = true;
	select(n ? n.r.i : id, p);
	flatten();
	if (at(selected) >= 0) move(at(selected));
	changed();
}
