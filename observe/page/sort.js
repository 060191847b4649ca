// What comes first. A list that is sorted is flat. The server does the same in order.go.
let sort = null, census = {}; // what somebody chose; goroutines by id
const orders = {
	tree: ['As in the tree'],
	worst: ['Worst first', n => (n.r.a || 0) - order.indexOf(state(n)) * 1e11],
	restarts: ['Restarts', n => n.r.r],
	failures: ['Failures', n => n.r.f],
	age: ['Age', n => n.r.t],
	last: ['Last failure', n => n.r.a],
	goroutines: ['Goroutines', n => census[n.r.i]],
};
for (const o in orders) $('sort').append(h('option', { value: o, textContent: orders[o][0] }));

// sorting is what the list is sorted by: what is in trouble has the worst first.
const sorting = () => (sort || (only.has('trouble') ? 'worst' : 'tree')).replace('tree', '');

function sorted(all, by) {
	for (const n of all) n.key = orders[by][1](n) || 0;
	return all.sort((a, b) => b.key - a.key);
}

function sortBy(by) {
	sort = by;
	tree.scrollTop = 0;
	filter();
	count();
}

// count asks how many goroutines each has, as long as the list is sorted by that.
async function count() {
	if (sorting() !== 'goroutines') return;
	const got = await get('goroutines').catch(e => e);
	if (sorting() !== 'goroutines') return;
	if (got.message) [found, refused] = [[], got.message];
	else if (census = got, refused) filter();
	changed();
}
$('sort').onchange = e => sortBy(e.target.value);
$('head').onclick = e => e.target.dataset.by && sortBy(e.target.dataset.by);

function drawSort() {
	const by = sorting() || 'tree', s = $('sort');
	if (s.value !== by) s.value = by;
	for (const b of $('head').children) attr(b, 'aria-pressed', b.dataset.by === by);
	say($('head').children[4], by === 'goroutines' ? 'Goroutines' : 'Failures');
}
