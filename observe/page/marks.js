// Services that are marked, as they were then.
const marked = new Map();

const target = n => ({ id: n.r.i, epoch: epoch(), path: path(n) });
function mark(t, on = !marked.has(t.id)) {
	if (!first.allow || !t.id) return; // the root has none
	if (on) marked.set(t.id, t);
	else marked.delete(t.id);
	soon();
}

// markTo marks from the cursor to place i.
function markTo(i) {
	const from = Math.max(0, at(cursor));
	for (let k = Math.min(from, i); k <= Math.max(from, i); k++) mark(target(list[k]), true);
}

function drawMarks() {
	const bar = $('marks');
	bar.hidden = !marked.size;
	if (bar.hidden) return;
	if (!bar.firstChild) {
		const answer = h('p', { role: 'status' }), clear = () => { marked.clear(); answer.textContent = ''; soon(); };
		bar.append(h('b'), ...actions(() => [...marked.values()], answer), button('Clear', clear), answer);
	}
	say(bar.firstChild, `${marked.size} marked`);
}

const button = (textContent, onclick, className = '', title = '') => h('button', { textContent, onclick, className, title });

// actions are buttons that act on targets, if the page may.
const acts = ['restart', 'suspend', 'remove'];
const tips = { restart: 'Also starts what is suspended, done or failed', resume: 'Ends its pause' };
const actions = (targets, answer, of = acts) => !first.allow ? [] :
	of.map(what => button(title(what), () => act(what, targets(), answer), 'far', tips[what]));

async function act(what, targets, answer) {
	const many = targets.length > 1, paths = targets.map(t => t.path), bad = [];
	if (many && paths.length > 20) paths.splice(20, Infinity, '…');
	if (!confirm(title(what) + (many ? ` ${targets.length} services?\n\n${paths.join('\n')}` : ` ${paths[0]}?`))) return;
	let done = 0;
	for (const { id, epoch, path } of targets) {
		const r = nodes.get(id)?.r, body = new URLSearchParams({ epoch, path });
		const a = await fetch(`${base}api/node/${id}/${what}`, { method: 'POST', body }).catch(String);
		const text = a.text ? (await a.text()).trim() : a;
		if (!a.ok) bad.push(many ? `${path}: ${text}` : text);
		else if (++done) asked.set(id, { what, r, t: now() });
		answer.textContent = [many ? `${done} of ${targets.length}: ${what} requested` : done ? text : '', ...bad].filter(Boolean).join('\n');
		soon();
	}
	askSoon();
}
