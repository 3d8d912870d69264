"""MQTT: a source that acknowledges what is durable, a publisher, and a look at a broker."""
