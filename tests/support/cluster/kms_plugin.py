#!/usr/bin/env python3
"""A stand-in for a cloud's KMS plugin: the API server's KMS v2 protocol on a unix socket, with a key of its own in memory.

    kms_plugin.py SOCKET    serves until it is killed

It wraps keys, which is all a plugin does; the wrapping is enough to see that etcd holds nothing readable, and is not
cryptography to be used elsewhere. Needs python3-grpcio; the messages (k8s.io/kms/apis/v2) are written by hand.
"""
import hashlib
import os
import sys
from concurrent import futures

import grpc

KEY, KEY_ID = os.urandom(32), "stand-in-1"


def field(number, value):
    value = value.encode() if isinstance(value, str) else value
    size, out = len(value), bytearray([number << 3 | 2])
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes(out) + bytes([size]) + value


def fields(message):
    """The length-delimited fields of a message; this protocol has no others."""
    found, at = {}, 0
    while at < len(message):
        number, at = message[at] >> 3, at + 1
        size = shift = 0
        while True:
            byte, at = message[at], at + 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        found[number], at = message[at:at + size], at + size
    return found


def wrap(data, nonce):
    stream = b"".join(hashlib.sha256(KEY + nonce + bytes([n])).digest() for n in range(len(data) // 32 + 1))
    return bytes(a ^ b for a, b in zip(data, stream))


def status(_request, _context):
    return field(1, "v2") + field(2, "ok") + field(3, KEY_ID)


def encrypt(request, _context):
    nonce = os.urandom(16)
    return field(1, nonce + wrap(fields(request)[1], nonce)) + field(2, KEY_ID)


def decrypt(request, context):
    told = fields(request)
    if told.get(3) != KEY_ID.encode():
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "another key")
    return field(1, wrap(told[1][16:], told[1][:16]))


def main():
    server = grpc.server(futures.ThreadPoolExecutor(4))
    methods = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in (("Status", status), ("Encrypt", encrypt), ("Decrypt", decrypt))}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("v2.KeyManagementService", methods)])
    server.add_insecure_port(f"unix://{sys.argv[1]}")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
