// Times: for how long, in one unit; and when, by the reader's own clock in 24 hours. Where a day or a zone may matter, both are said.
const unit = s => {
	for (const [n, u] of [[86400, 'd'], [3600, 'h'], [60, 'm']]) if (s >= n) return Math.floor(s / n) + u;
	return Math.max(0, s) + 's';
};
const ago = ms => unit(Math.floor((now() - ms) / 1000));
const left = ms => unit(Math.ceil((ms - now()) / 1000));
const offset = ms => -new Date(ms).getTimezoneOffset(); // minutes
const local = ms => new Date(ms + offset(ms) * 6e4).toISOString();
const clock = ms => local(ms).slice(11, 19);
const zone = ms => (offset(ms) < 0 ? 'UTC-' : 'UTC+') + new Date(Math.abs(offset(ms)) * 6e4).toISOString().slice(11, 16);
const date = ms => `${local(ms).slice(0, 10)} ${clock(ms)} ${zone(ms)}`;
