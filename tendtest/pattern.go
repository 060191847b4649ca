package tendtest

import "strings"

// matches: a path is one of those that a pattern stands for. In a pattern "*" stands for
// any part of a name, and "**" in place of a name for any number of names, also none.
func matches(pattern, path string) bool {
	return match(strings.Split(pattern, "/"), strings.Split(path, "/"))
}

func match(pattern, path []string) bool {
	switch {
	case len(pattern) == 0:
		return len(path) == 0
	case pattern[0] == "**":
		return match(pattern[1:], path) || len(path) > 0 && match(pattern, path[1:])
	default:
		return len(path) > 0 && like(pattern[0], path[0]) && match(pattern[1:], path[1:])
	}
}

// like: a text is one of those that a pattern with stars stands for.
func like(pattern, text string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, is := strings.CutPrefix(text, before)
	for is && !like(after, text) {
		if text == "" {
			return false
		}
		text = text[1:]
	}
	return is
}
