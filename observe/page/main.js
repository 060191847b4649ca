// Stream, clock, filter and address bar.
const query = Object.fromEntries(new URLSearchParams(location.search)), live = query.live !== 'off';
let seq = first.seq, stream, heard = 0, tried, lost = 0, timer, ticks = 0;
let stale = true, drawing = false, turn = 0, refused = '';

// soon draws with the next frame, changed when the list may differ.
function soon() {
	drawing ||= requestAnimationFrame(render);
}
function changed() { stale = true; soon(); }

function render() {
	drawing = false;
	fit();
	if (stale) flatten();
	stale = false;
	draw();
	drawChip('trouble', trouble(), 'in trouble');
	for (const s of order) drawChip(s, root.r.b.s[states.indexOf(s)]);
	drawLog();
	drawDetail();
	drawMarks();
	for (const b of document.querySelectorAll('.far')) b.disabled = !!lost;
	drawSort();
	drawProgram();
	drawTrouble();
	say($('live'), !live ? 'as of ' + date(first.at) : lost ? 'offline' : heard ? 'live' : 'connecting');
	say($('asof'), live && lost ? `, as of ${ago(lost + skew)} ago` : ''); // not read out each second
	document.body.className = lost ? 'lost' : live ? '' : 'still';
	const none = !root.kids.length && !partial();
	say($('empty'), none ? 'No services yet. Add one with Supervisor.Add and it appears here at once.' :
		list.length ? '' : refused || 'Nothing matches. Esc clears the filter.');
}

const chips = {};
function drawChip(s, count, name = s) {
	const chip = chips[s] ??= $('chips').appendChild(h('button', {
		onclick: () => { only.delete(s) || only.add(s); filter(); },
	}, name + ' ', h('b')));
	attr(chip, 'data-s', s);
	attr(chip, 'aria-pressed', only.has(s));
	chip.hidden = !count && !only.has(s);
	say(chip.lastChild, count.toLocaleString());
}

// filter takes field and chips. The server searches a tree that is not all here.
async function filter() {
	words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
	refused = '';
	const mine = ++turn, by = new Map(), q = new URLSearchParams({ q: words.join(' '), state: [...only].join(), sort: sorting() });
	remember();
	let rows, all;
	if (partial() && (words.length || only.size || sorting())) {
		const got = await get('view?' + q).catch(e => e);
		if (mine !== turn) return;
		if ([400, 503].includes(got.code)) refused = got.message;
		rows = refused ? [] : got.rows;
		if (!rows) return void setTimeout(() => mine === turn && filter(), 1e3); // somebody else is searching
		all = got.total;
	}
	found = rows?.map(r => {
		const up = r.i ? by.get(r.p) : null, n = nodes.get(r.i) || { r, up, kids: [] };
		n.depth = up ? up.depth + 1 : 0;
		by.set(r.i, n);
		return n;
	});
	const hits = found?.filter(matches).length;
	cut = hits && hits < all ? [hits, all].map(n => n.toLocaleString()).join(' of ') + ' found' : '';
	changed();
}

function remember() {
	const q = new URLSearchParams(live ? {} : { live: 'off' }), text = $('filter').value;
	if (text) q.set('q', text);
	if (only.size) q.set('state', [...only].join());
	if (sort) q.set('sort', sort);
	if (level) q.set('level', level);
	if (chosen) q.set('path', chosen);
	if (chosen && selected !== null && seek(chosen)?.r.i !== selected) q.set('id', selected);
	history.replaceState(null, '', location.pathname + (q.size ? '?' + q : ''));
}

// connect opens the stream, if the page is seen: browsers allow six per host.
function connect() {
	disconnect();
	if (!live || document.hidden) return;
	tried = Date.now();
	stream = new EventSource(`${base}api/events?since=${seq}`);
	const alive = () => { heard = Date.now(); lost = 0; soon(); };
	stream.onopen = alive;
	stream.addEventListener('ka', alive);
	stream.addEventListener('polled', () => stream.over = 1);
	stream.addEventListener('reset', () => again(reload));
	stream.onerror = () => again(stream.readyState === 2 ? reload : connect); // refused: ask for all instead
	stream.onmessage = e => {
		const frame = JSON.parse(e.data), { rows = [], events = [], missed, at } = frame;
		seq = e.lastEventId;
		change(frame);
		log(events);
		if (missed) log([{ t: at, w: 'skipped', i: 0, f: 0, p: '', n: missed + ' events' }]);
		if (rows.some(r => r.i === selected)) askSoon();
		if (selected === null && chosen) reselect();
		stale = true;
		alive();
	};
}

function disconnect() {
	stream?.close();
	stream = null;
	clearTimeout(timer);
}

function again(f) {
	if (f === connect && !stream?.over) lost ||= heard || Date.now();
	disconnect();
	timer = setTimeout(f, 2e3);
	soon();
}

// epoch is which program this is.
const epoch = () => seq.split('.')[0];

// reselect finds what was selected in another program; far: its id.
function reselect(far, id) {
	go(far ?? seek(chosen, id)?.r.i, chosen);
}

async function reload() {
	const was = chosen;
	try {
		const view = await get('view?' + new URLSearchParams({ path: chosen, id: selected ?? 0 })), before = epoch();
		load(view);
		heard = Date.now();
		lost = 0;
		seq = view.seq;
		whole = view.program;
		lines.length = 0;
		log(view.events || []);
		people = view.acts || [];
		if (epoch() !== before) {
			marked.clear();
			selected = null;
			sections = {};
			if (chosen) reselect(chosen === was ? view.wanted : null);
		}
		filter();
		connect();
	} catch {
		again(connect);
	}
}

document.onvisibilitychange = connect;
document.onkeydown = e => {
	const field = $('filter'), typing = e.target.matches('input, select, textarea') || e.ctrlKey || e.metaKey || e.altKey;
	if ($('keys').open) return;
	if (e.key === '?' && !typing) $('help').click();
	else if (e.key === 't' && !typing) chips.trouble.click();
	else if (e.key === '/' && document.activeElement !== field) {
		e.preventDefault();
		field.focus();
	} else if (e.key === 'Escape') {
		if (!field.value && !only.size) marked.size ? marked.clear() : select(null);
		field.value = '';
		only.clear();
		filter();
		tree.focus();
	}
};
$('filter').oninput = filter;
$('help').onclick = () => $('keys').showModal();
$('shut').onclick = () => $('keys').close();
$('filter').onkeydown = e => {
	if (e.key !== 'ArrowDown' && e.key !== 'Enter') return;
	e.preventDefault();
	tree.focus();
	flatten();
	move(list.findIndex(matches));
};
onresize = soon;
if (live) setInterval(() => {
	if (document.hidden) return;
	if (stream && Date.now() - Math.max(heard, tried) > 4e4) again(connect);
	if (Date.now() > wanted) ask();
	if (!lost && Date.now() > due) askProgram();
	if (found && ++ticks % 5 === 0) filter();
	soon();
}, 1e3);

load(first);
$('title').textContent = first.title;
log(first.events || []);
people = first.acts || [];
sort = query.sort in orders ? query.sort : null;
$('level').value = level = query.level || '';
$('filter').value = query.q || '';
only = new Set((query.state || '').split(',').filter(s => s === 'trouble' || order.includes(s)));
chosen = query.path || '';
if (chosen) reselect(first.wanted, +query.id);
if (sort === 'goroutines') sortBy(sort);
filter();
render();
connect();
