"""The words that every room speaks: values, errors, ports, topics, profiles of appliance models, the fault catalogue.

Imports nothing of ours.
"""
