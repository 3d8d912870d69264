"""What must outlive a process: the journal, snapshots, appliances at rest; how to wait for a store; the embedded broker."""
