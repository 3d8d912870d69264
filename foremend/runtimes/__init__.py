"""What carries blocks to the engine and findings away: one process with a journal, or workers on Kafka."""
