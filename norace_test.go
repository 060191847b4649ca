//go:build !race

package tend

const raceDetector = false
