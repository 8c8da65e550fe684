"""A stand-in for the Pulumi engine, for machines that have none.

`python -m sitekit.lab.engine` takes pulumi's command line, runs unmodified Python programs over
the SDK's own gRPC protocol, talks to the lab's provider plug-ins and keeps state in the file
layout and checkpoint format of the real one. It says at every start that it is a lab, and it
refuses every provider that is not the lab's.

    values      property values: secrets, unknowns, their wire and state forms
    passphrase  the passphrase secrets provider
    project     Pulumi.yaml and Pulumi.<stack>.yaml
    backend     file:// backends: stacks, locks, history, backups
    resources   one resource's state, and the graph of a state
    snapshot    the checkpoint that is rewritten while a run goes on
    plugins     provider plug-ins as processes
    language    the program: its process, or the caller's own (--client)
    monitor     the two gRPC services that the program calls
    steps       what one step does
    planner     which steps a registration leads to
    deployment  one run: preview, up, refresh, destroy, import
    policies    policy packs
    events      what is told while a run goes on, and where it is told
    display     how a person reads it
    options     the command line
    commands    the verbs
"""
