package entity

// NewClient makes what is used where HTTP.Client is nil.
var NewClient = newClient
