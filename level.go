package tend

import "log/slog"

// Level of an event is known without making its words: of most nobody ever hears, as they
// are at level debug.

// The level of what is debugged with: the tree does what it is there for.

func (SupervisorStarted) Level() slog.Level  { return slog.LevelDebug }
func (SupervisorStopping) Level() slog.Level { return slog.LevelDebug }
func (ServiceStarted) Level() slog.Level     { return slog.LevelDebug }
func (ServiceReady) Level() slog.Level       { return slog.LevelDebug }
func (ServiceChanged) Level() slog.Level     { return slog.LevelDebug }

// … of what is worth a line in the log of a program that is well,

func (PauseEnded) Level() slog.Level { return slog.LevelInfo }

// … of what should not be so,

func (PauseBegan) Level() slog.Level          { return slog.LevelWarn }
func (EventsDropped) Level() slog.Level       { return slog.LevelWarn }
func (MessagesLost) Level() slog.Level        { return slog.LevelWarn }
func (e ServiceFailed) Level() slog.Level     { return levelOf(e.Err) }
func (e ServiceAlsoFailed) Level() slog.Level { return levelOf(e.Err) }

// … and of what somebody has to mend.

func (Escalated) Level() slog.Level           { return slog.LevelError }
func (ServiceUnresponsive) Level() slog.Level { return slog.LevelError }
func (ServiceStuck) Level() slog.Level        { return slog.LevelError }
func (ServiceGaveUp) Level() slog.Level       { return slog.LevelError }
func (ServiceRefused) Level() slog.Level      { return slog.LevelError }

// Level is error if something of it still runs.
func (e SupervisorStopped) Level() slog.Level {
	if e.Unstopped > 0 {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// Level is debug of an end as asked, or of what is over and gone, such as a connection, and
// info of another end by its own will.
func (e ServiceEnded) Level() slog.Level {
	switch {
	case e.Err.panicked() != nil:
		return slog.LevelError
	case e.Unclean || e.Late > 0:
		return slog.LevelWarn
	case e.Cause.IsZero() && !(e.Next == StateGone && e.Err.IsZero()):
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

// levelOf is that of a failure. A panic is always an error.
func levelOf(r Reason) slog.Level {
	if r.panicked() != nil {
		return slog.LevelError
	}
	return slog.LevelWarn
}
