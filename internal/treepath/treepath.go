// Package treepath reads and writes the paths of a tree: names from the root down,
// joined by "/". A name may hold anything, so in a path its "/" and "%" are escaped
// as in URLs, as %2F and %25, and nothing else is: a path is for people first.
package treepath

import (
	"iter"
	"strings"
)

// Join is the path of what is called name below parent; of a root, if that is empty.
func Join(parent, name string) string {
	if parent == "" {
		return escape(name)
	}
	return parent + "/" + escape(name)
}

// Append appends what Join returns to b.
func Append(b []byte, parent, name string) []byte {
	if parent != "" {
		b = append(append(b, parent...), '/')
	}
	return append(b, escape(name)...)
}

// Name is the name at the end of a path.
func Name(path string) string { return unescape(path[strings.LastIndexByte(path, '/')+1:]) }

// Parent is the path of what is above; empty for a root.
func Parent(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

// Depth is how many are above: 0 for a root.
func Depth(path string) int { return strings.Count(path, "/") }

// Below says whether path is below ancestor, at any depth. Nothing is below itself.
func Below(path, ancestor string) bool {
	return len(path) > len(ancestor) && path[len(ancestor)] == '/' && path[:len(ancestor)] == ancestor
}

// Elements yields the names in a path, from the root down.
func Elements(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for element := range strings.SplitSeq(path, "/") {
			if !yield(unescape(element)) {
				return
			}
		}
	}
}

var (
	escaper   = strings.NewReplacer("%", "%25", "/", "%2F")
	unescaper = strings.NewReplacer("%25", "%", "%2F", "/")
)

func escape(name string) string {
	if strings.IndexByte(name, '/') < 0 && strings.IndexByte(name, '%') < 0 { // ContainsAny takes three times as long
		return name
	}
	return escaper.Replace(name)
}

// unescape leaves a "%" alone that Join has not written.
func unescape(element string) string {
	if strings.IndexByte(element, '%') < 0 {
		return element
	}
	return unescaper.Replace(element)
}
