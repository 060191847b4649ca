// Package browsertest holds the tests of package observe that need a browser. It
// is a module of its own, so that nobody else depends on what drives one.
//
//	apt-get install chromium
//	cd observe/browsertest && go test . -screenshots /tmp/pictures
//
// The browser is the first of chromium, chromium-browser, google-chrome and
// headless-shell in the PATH, or what CHROMIUM names. Without one the tests are
// skipped, and fail if CI is "true". Pictures for a person to look at are written
// to the directory of the flag -screenshots or of the environment variable
// SCREENSHOTS.
package browsertest
