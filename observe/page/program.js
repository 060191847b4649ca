// The program as a whole. What of it changes makes no event: it is asked for every 5 s.
let whole = first.program, due = 0;

async function askProgram() {
	due = Date.now() + 5e3;
	count();
	whole = await get('program').catch(() => whole);
	soon();
}

function drawProgram() {
	const { host, module, version, go, started, goroutines, heap, memory, gc, gc_cpu: share, minutes, plot: bars } = whole;
	const mb = n => (n / 2 ** 20).toLocaleString('en', { maximumFractionDigits: 1 }) + ' MB', box = $('program');
	[host, `${module} ${version}`, go, 'up ' + ago(started), goroutines.toLocaleString('en') + ' goroutines', `${mb(heap)} heap, ${mb(memory)} in all`,
		`GC ${gc} times, ${(share * 100).toFixed(1)} % of CPU`, `${minutes.at(-1)} failures this minute, ${minutes.reduce((a, b) => a + b)} in the hour`,
	].forEach((text, i) => say(box.children[i] ?? box.appendChild(h('span')), text));
	const last = box.children[7];
	attr(last, 'class', minutes.at(-1) ? 'fresh' : '');
	if (box.bars === bars) return;
	box.bars = bars;
	box.children[8]?.remove();
	box.append(...plot(bars).slice(0, 1));
}

// drawTrouble says in title and icon how many services are in trouble.
const icon = document.querySelector('link'), calm = icon.href;
function drawTrouble() {
	const n = trouble(), name = (n ? `(${n}) ` : '') + first.title;
	if (document.title !== name) document.title = name;
	attr(icon, 'href', n ? calm.replace('188038', 'c5221f') : calm);
}
const trouble = () => troubles.reduce((sum, s) => sum + root.r.b.s[s], 0);
