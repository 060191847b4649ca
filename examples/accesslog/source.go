package main

import (
	"embed"
	"errors"
	"io"
	"io/fs"
	"os"
)

//go:generate sh -c "go run ./gensample > sample.log"

//go:embed sample.log
var sample embed.FS

// source is the log: a name in a file system, which may come to mean another
// file while the program runs.
type source struct {
	files fs.FS
	name  string
}

// sourceOf is the file at path; the sample if path is empty.
func sourceOf(path string) source {
	if path == "" {
		return source{sample, "sample.log"}
	}
	return source{disk{}, path}
}

// disk is the files of the machine under their usual names, which os.DirFS does
// not take and does not tell in its errors.
type disk struct{}

func (disk) Open(name string) (fs.File, error)     { return os.Open(name) }
func (disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// logFile is an open log.
type logFile struct {
	fs.File
	info fs.FileInfo // when it was opened
}

// open opens the log. Reading must be able to go on at an offset, so it must be
// a regular file; to open a pipe would block.
func (s source) open() (*logFile, error) {
	info, err := fs.Stat(s.files, s.name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: s.name, Err: errors.New("not a regular file")}
	}
	file, err := s.files.Open(s.name)
	if err != nil {
		return nil, err
	}
	info, err = file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &logFile{file, info}, nil
}

// check says early what the reader would say late: why the log cannot be read.
func (s source) check() error {
	f, err := s.open()
	if err != nil {
		return err
	}
	return f.Close()
}

// successor says whether the name now means another file with something in it,
// so that whoever writes the log has left f.
func (s source) successor(f *logFile) bool {
	info, err := fs.Stat(s.files, s.name)
	return err == nil && info.Size() > 0 && !same(f.info, info)
}

// size is how long f is now.
func (f *logFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *logFile) seek(offset int64) error {
	seeker, ok := f.File.(io.Seeker)
	if !ok {
		return &fs.PathError{Op: "seek", Path: f.info.Name(), Err: fs.ErrInvalid}
	}
	_, err := seeker.Seek(offset, io.SeekStart)
	return err
}

// same says whether both are one file. A file that no operating system knows,
// such as the sample, does not change.
func same(a, b fs.FileInfo) bool { return b.Sys() == nil || os.SameFile(a, b) }
