"""The contestants of bench/bench_supervisor.py: the same operations with wasup.supervisor, plain Trio and others.

A contestant is a module with a function for each operation that it has:

    spawn(count)               processor seconds to start so many actors, each start acknowledged
    ask(count)                 processor seconds of so many questions, one after the other, each under a deadline
    tell(count)                processor seconds of so many messages told one by one with back-pressure: the sender
                               waits for room, and others have their turn
    post(count)                processor seconds of so many messages sent without waiting, in bursts of 100, and handled
    idle(count)                seconds in which so many actors start, and the bytes each takes
    restart(children, count)   processor seconds from the order to crash to the acknowledged restart, so many
                               times, each time of another one among so many supervised children

Each call is made in a process of its own.
"""
