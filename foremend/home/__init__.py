"""What a household's own automation hears over MQTT: Home Assistant by its discovery, Node-RED and openHAB as JSON.

`words` for people, `picture` of one appliance, `discovery` as Home Assistant wants it, `look` at all of them, `topics`
that the broker keeps, and the `lane` that brings them there.
"""
