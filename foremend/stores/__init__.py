"""What outlives a process: journal, snapshots, appliances at rest; waiting for a store; the embedded broker."""
