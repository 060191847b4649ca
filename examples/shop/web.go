package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/tend-go/tend/server"
)

// newWeb is what customers see.
func newWeb(s *store) http.Handler {
	w := web{s}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", w.add)
	mux.HandleFunc("GET /orders/{id}", w.show)
	return mux
}

type web struct{ store *store }

func (w web) add(rw http.ResponseWriter, r *http.Request) {
	var o order
	err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 4<<10)).Decode(&o)
	if err != nil || o.Item == "" || o.Cents <= 0 {
		http.Error(rw, `an order looks like {"item": "socks", "cents": 990}`, http.StatusBadRequest)
		return
	}
	o, err = w.store.add(r.Context(), o.Item, o.Cents)
	w.answer(rw, http.StatusCreated, o, err)
}

// show answers with an order; with ?wait when it is settled. Who waits is told to come
// again when the server is to stop: otherwise that would take all the time that it has.
func (w web) show(rw http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.Error(rw, "an order has a number", http.StatusBadRequest)
		return
	}
	for {
		news := w.store.news.wait()
		o, err := w.store.find(r.Context(), id)
		if err != nil || !r.URL.Query().Has("wait") || (o.State != "new" && o.State != "in charge") {
			w.answer(rw, http.StatusOK, o, err)
			return
		}
		select {
		case <-news:
		case <-server.Stopping(r.Context()):
			w.answer(rw, http.StatusAccepted, o, nil)
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (w web) answer(rw http.ResponseWriter, status int, o order, err error) {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		http.Error(rw, "there is no such order", http.StatusNotFound)
	case errors.Is(err, errClosed):
		http.Error(rw, "come again in a moment", http.StatusServiceUnavailable)
	case err != nil:
		slog.Error("request failed", "error", err)
		http.Error(rw, "something went wrong here", http.StatusInternalServerError)
	default:
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(status)
		_ = json.NewEncoder(rw).Encode(o) // whoever does not read it does not want it
	}
}
