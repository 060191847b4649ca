// What the pane says, to take along.
function asText() {
	const { page, path: p, events } = detail;
	return [p, [...$('node').querySelectorAll('dt')].map(dt => `${dt.textContent}: ${dt.nextSibling.textContent}`).join('\n'),
		...page.texts.map(t => [date(t.t) + ' ' + t.k, t.v, t.s].filter(Boolean).join('\n')),
		events.map(e => [date(e.t), e.l, e.w, e.n, e.x].filter(Boolean).join(' ')).join('\n'),
		$('node').querySelector('.dump')?.textContent].filter(Boolean).join('\n\n') + '\n';
}

// copy has to do without the clipboard API where the page came over plain HTTP.
async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
		return 'copied';
	} catch {
		const field = document.body.appendChild(h('textarea', { value: text }));
		field.select();
		const done = document.execCommand('copy');
		field.remove();
		return done ? 'copied' : 'the browser refuses to copy';
	}
}

function download(text, name) {
	const href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
	h('a', { href, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(href), 1e4);
}
