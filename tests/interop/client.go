// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

// client SOURCE DESTINATION URI: migrate a guest, by the library go-qemu and its types, as one
// would with two processes of QEMU.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
	"github.com/digitalocean/go-qemu/qmp/raw"
)

type machine struct {
	*raw.Monitor
	socket *qmp.SocketMonitor
	events <-chan qmp.Event
}

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func expect(good bool, what string, got interface{}) {
	if !good {
		must(fmt.Errorf("got %v", got), what)
	}
}

func connect(path string) machine {
	socket, err := qmp.NewSocketMonitor("unix", path, 10*time.Second)
	must(err, path)
	must(socket.Connect(), path)
	expect(socket.Version.QEMU.Major == 10, "version in the greeting", socket.Version)
	monitor := raw.NewMonitor(socket)
	version, err := monitor.QueryVersion()
	must(err, "query-version")
	expect(version.Qemu.Major == 10, "query-version", version)
	must(monitor.MigrateSetCapabilities([]raw.MigrationCapabilityStatus{
		{Capability: raw.MigrationCapabilityEvents, State: true}}), "migrate-set-capabilities")
	events, err := socket.Events(context.Background())
	must(err, "events")
	return machine{monitor, socket, events}
}

// What a client does that has a listener: take events while a command is under way.
func follow(m machine) <-chan string {
	statuses := make(chan string, 64)
	go func() {
		for event := range m.events {
			if event.Event == "MIGRATION" {
				statuses <- event.Data["status"].(string)
			}
		}
	}()
	return statuses
}

func waitFor(statuses <-chan string, wanted string) {
	for {
		select {
		case status := <-statuses:
			if status == wanted {
				return
			}
			expect(status != "failed" && status != "cancelled", "status", status)
		case <-time.After(30 * time.Second):
			must(fmt.Errorf("it does not come"), wanted)
		}
	}
}

func passDescriptor(m machine) {
	read, write, err := os.Pipe()
	must(err, "pipe")
	_, err = m.socket.RunWithFile([]byte(`{"execute":"getfd","arguments":{"fdname":"link"}}`), read)
	must(err, "getfd")
	must(m.Closefd("link"), "closefd")
	expect(m.Closefd("link") != nil, "a second closefd", nil)
	read.Close()
	write.Close()
}

func expectError(m machine) {
	err := m.Migrate("pigeon:roof", nil, nil, nil)
	expect(err != nil, "migrate to a pigeon", err)
	_, err = m.socket.Run([]byte(`{"execute":"nope"}`))
	expect(err != nil && err.Error() == "The command nope has not been found", "an unknown command", err)
}

func main() {
	source, destination, uri := connect(os.Args[1]), connect(os.Args[2]), os.Args[3]
	here, there := follow(source), follow(destination)
	passDescriptor(source)
	expectError(source)

	limit := int64(2000)
	must(source.MigrateSetParameters(&raw.MigrateSetParameters{DowntimeLimit: &limit}),
		"migrate-set-parameters")
	must(destination.MigrateIncoming(uri), "migrate-incoming")
	detach := true
	must(source.Migrate(uri, nil, nil, &detach), "migrate")
	waitFor(here, "completed")
	waitFor(there, "completed")

	info, err := source.QueryMigrate()
	must(err, "query-migrate")
	expect(*info.Status == raw.MigrationStatusCompleted, "status", *info.Status)
	expect(info.RAM.Total > 0 && info.RAM.Remaining == 0 && info.RAM.PageSize == 4096, "ram", *info.RAM)
	expect(*info.TotalTime >= *info.Downtime, "times", info)
	status, err := source.QueryStatus()
	must(err, "query-status")
	expect(status.Status == raw.RunStatePostmigrate && !status.Running, "source", status)
	status, err = destination.QueryStatus()
	must(err, "query-status")
	fmt.Println(status.Status, *info.Status)
	must(source.socket.Disconnect(), "disconnect")
	must(destination.socket.Disconnect(), "disconnect")
}
