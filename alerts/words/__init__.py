"""What owners read: `loading` has the words of each language, `composing` the message, `sms` what fits into one."""
