"""Runs the containers of rendered pods as they are rendered, with the host's programs in place of images.

A pod gets a network namespace and an address; a container gets namespaces of its own, a read-only root, the volumes, user,
environment, command and probes of its template, and no capability. Services have their virtual addresses, led by nftables to
the pods that are ready, as kube-proxy does; names resolve as in a cluster. So no line of a rendered configuration is changed
to be tested. What there is not: limits of memory and processor, NetworkPolicy, the images themselves.
"""
