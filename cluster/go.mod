module github.com/tend-go/tend/cluster

go 1.26.0

replace github.com/tend-go/tend => ../
