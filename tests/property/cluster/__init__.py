"""A whole cluster of workers in virtual time, with a simulated Kafka that is slow, and everything going wrong that can.

Real are the herders with all that is beneath them: members, leaders, tasks, reporters, assignment. Simulated are two logs that are read late and
in parts, writers that fail with or without having written, a group that forms slowly and throws members out, and plugins that take their time,
fail and hang. A seed decides all of it. People create, change, pause, stop, restart and delete connectors meanwhile.

What has to hold at all times: a task that may still write runs once; and no task of a division runs beside one of another division of its
connector that may still write. In the end, when nothing goes wrong any more: everything that is wanted runs, and nothing else, and every
worker says so.
"""
