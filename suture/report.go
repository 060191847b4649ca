package suture

import (
	"slices"

	"github.com/tend-go/tend"
)

// UnstoppedServiceReport lists services that did not stop in time.
type UnstoppedServiceReport []UnstoppedService

// UnstoppedService is a service that was asked to stop, did not return within
// [Spec].Timeout and still had not when the report was made.
type UnstoppedService struct {
	// SupervisorPath is the supervisors from the one that was asked for the report
	// down to the service's own, or to the nearest above that is of this package.
	SupervisorPath []*Supervisor
	// Service is what was given to Add; of a service that a supervisor of package
	// tend holds, a stand-in with the same name.
	Service Service
	Name    string
	// ServiceToken is the service's, in the last supervisor of the path.
	ServiceToken ServiceToken
}

// UnstoppedServiceReport waits until the supervisor has stopped and returns what
// had not by then, in the whole tree below, whether or not it had been removed;
// nil if all had. The error is always nil. The wait is for the present Serve, or
// the first, and may take for ever; after the end of that the answer is always the
// same. The services may have ended since.
func (s *Supervisor) UnstoppedServiceReport() (UnstoppedServiceReport, error) {
	s.made("UnstoppedServiceReport")
	t, _ := s.latest()
	<-t.over
	return slices.Clone(t.unstopped), nil
}

func (s *Supervisor) unstopped() (report UnstoppedServiceReport) {
	for _, u := range s.core.UnstoppedServices() {
		report = append(report, s.report(u))
	}
	return report
}

func (s *Supervisor) report(u tend.ServiceStuck) UnstoppedService {
	told := UnstoppedService{Name: u.Service, ServiceToken: u.Token}
	owner, e := s.find(u.Token)
	if e != nil {
		told.Service = e.given
	} else {
		owner, _ = s.locate(u.Supervisor, ServiceToken{})
		told.Service = standIn(u.Service)
	}
	told.SupervisorPath = s.descent(owner)
	return told
}
