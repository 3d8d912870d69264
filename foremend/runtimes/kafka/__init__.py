"""The pipeline on many machines: gateways write blocks to Kafka, Faust workers judge them."""
