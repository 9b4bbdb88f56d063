"""Asks a server over gRPC as any client does, with grpcio: grpc_client.py HOST:PORT FOLDER-WITH-open_inference_pb2 [CERTIFICATE]

With a certificate in PEM the call is encrypted, and the server must show it."""
import struct
import sys

import grpc

sys.path.insert(0, sys.argv[2])
import open_inference_pb2 as pb  # noqa: E402

large = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]
if len(sys.argv) > 3:
    with open(sys.argv[3], "rb") as file:
        channel = grpc.secure_channel(sys.argv[1], grpc.ssl_channel_credentials(file.read()), options=large)
else:
    channel = grpc.insecure_channel(sys.argv[1], options=large)
token = (("authorization", "Bearer secret"),)


def call(method, request, answer, service="inference.GRPCInferenceService", on=channel, **more):
    ask = on.unary_unary(f"/{service}/{method}", request_serializer=type(request).SerializeToString,
                         response_deserializer=answer.FromString)
    return ask(request, timeout=more.pop("timeout", 90), metadata=more.pop("metadata", token), **more)


def refused(code, text, method, request, answer, **more):
    try:
        call(method, request, answer, **more)
    except grpc.RpcError as e:
        assert e.code() == code and text in e.details(), (code, text, e.code(), e.details())
        return
    raise AssertionError(f"{method} is not refused: {code} {text}")


def tensor(name, datatype, shape, **contents):
    return pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape,
                                                 contents=pb.InferTensorContents(**contents) if contents else None)


def infer(model, inputs, raw=(), **more):
    return pb.ModelInferRequest(model_name=model, inputs=inputs, raw_input_contents=raw, **more)


code = grpc.StatusCode
Answer = pb.ModelInferResponse
assert call("ServerLive", pb.ServerLiveRequest(), pb.ServerLiveResponse).live
assert call("ServerReady", pb.ServerReadyRequest(), pb.ServerReadyResponse).ready
assert call("ModelReady", pb.ModelReadyRequest(name="twice"), pb.ModelReadyResponse).ready
assert call("ModelReady", pb.ModelReadyRequest(name="twice", version="1"), pb.ModelReadyResponse).ready
refused(code.NOT_FOUND, "did you mean 'twice'", "ModelReady", pb.ModelReadyRequest(name="twic"), pb.ModelReadyResponse)
server = call("ServerMetadata", pb.ServerMetadataRequest(), pb.ServerMetadataResponse)
assert server.name == "hone" and "statistics" in server.extensions, server
model = call("ModelMetadata", pb.ModelMetadataRequest(name="twice"), pb.ModelMetadataResponse)
assert (model.versions, model.inputs[0].datatype, model.inputs[0].shape) == (["1"], "FP32", [4]), model
health = [call("Check", pb.HealthCheckRequest(service=s), pb.HealthCheckResponse, "grpc.health.v1.Health").status
          for s in ("", "inference.GRPCInferenceService", "twice")]
assert health == [1, 1, 1], health

# Numbers as such, and as bytes; the answer comes as the question did.
answer = call("ModelInfer", infer("twice", [tensor("x", "FP32", [4], fp32_contents=[1, 2, 3, -4])], id="7"), Answer)
assert (answer.id, answer.model_name, answer.model_version) == ("7", "twice", "1"), answer
assert list(answer.outputs[0].contents.fp32_contents) == [2, 4, 6, -8] and not answer.raw_output_contents, answer
answer = call("ModelInfer", infer("twice", [tensor("x", "FP32", [4])], [struct.pack("<4f", 1, 2, 3, 4)]), Answer)
assert struct.unpack("<4f", answer.raw_output_contents[0]) == (2, 4, 6, 8) and answer.outputs[0].shape == [4], answer
# Every datatype there and back.
types = {"BOOL": ("bool_contents", [True, False]), "INT8": ("int_contents", [-128, 127]), "INT16": ("int_contents", [-32768, 5]),
         "INT32": ("int_contents", [-(2**31), 2**31 - 1]), "INT64": ("int64_contents", [-(2**63), 2**63 - 1]),
         "UINT8": ("uint_contents", [255, 0]), "UINT16": ("uint_contents", [65535, 1]), "UINT32": ("uint_contents", [2**32 - 1, 0]),
         "FP64": ("fp64_contents", [0.1, -1e300])}
for datatype, (field, values) in types.items():
    name = datatype.lower()
    answer = call("ModelInfer", infer(name, [tensor("x", datatype, [2], **{field: values})]), Answer)
    assert answer.outputs[0].datatype == datatype and list(getattr(answer.outputs[0].contents, field)) == values, answer
refused(code.INVALID_ARGUMENT, "128 is no INT8", "ModelInfer", infer("int8", [tensor("x", "INT8", [2], int_contents=[128, 0])]), Answer)
# Classes are text.
wanted = pb.ModelInferRequest.InferRequestedOutputTensor(name="y", parameters={"classification": pb.InferParameter(int64_param=2)})
answer = call("ModelInfer", infer("twice", [tensor("x", "FP32", [4], fp32_contents=[1, 2, 3, 4])], outputs=[wanted]), Answer)
assert list(answer.outputs[0].contents.bytes_contents) == [b"8:3", b"6:2"], answer
# 4 MB both ways.
numbers = struct.pack("<1000000f", *range(1000000))
answer = call("ModelInfer", infer("large", [tensor("x", "FP32", [1000000])], [numbers]), Answer)
assert struct.unpack("<1000000f", answer.raw_output_contents[0])[999999] == -999999.0

good = infer("twice", [tensor("x", "FP32", [4], fp32_contents=[1, 2, 3, 4])])
refused(code.UNAUTHENTICATED, "token", "ModelInfer", good, Answer, metadata=())
assert call("ServerLive", pb.ServerLiveRequest(), pb.ServerLiveResponse, metadata=()).live
refused(code.NOT_FOUND, "no model", "ModelInfer", infer("ä/..?", []), Answer)
refused(code.INVALID_ARGUMENT, "the model takes", "ModelInfer", infer("twice", [tensor("x", "FP32", [5], fp32_contents=[1] * 5)]), Answer)
refused(code.INVALID_ARGUMENT, "bytes", "ModelInfer", infer("twice", [tensor("x", "FP32", [4], fp32_contents=[1])]), Answer)
refused(code.INVALID_ARGUMENT, "raw_input_contents", "ModelInfer", infer("twice", [tensor("x", "FP32", [4])], [b"", b""]), Answer)
refused(code.INVALID_ARGUMENT, "does not hold FP32", "ModelInfer", infer("twice", [tensor("x", "FP32", [4], int_contents=[1] * 4)]), Answer)
refused(code.UNIMPLEMENTED, "no method", "ModelStreamInfer", good, Answer)
refused(code.UNIMPLEMENTED, "compressed", "ModelInfer", infer("large", [tensor("x", "FP32", [1000000])], [bytes(4000000)]), Answer,
        compression=grpc.Compression.Gzip)
refused(code.RESOURCE_EXHAUSTED, "larger than 5000000", "ModelInfer", infer("large", [tensor("x", "FP32", [1000000])], [b"x" * 6000000]), Answer)
broken = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer", request_serializer=lambda b: b, response_deserializer=Answer.FromString)
for message in (b"\xff\xff\xff", b"\x2a\x7f", bytes(range(256)), b"\x3a\xff\xff\xff\xff\x0f"):
    try:
        broken(message, timeout=90, metadata=token)
        raise AssertionError(message)
    except grpc.RpcError as e:
        assert e.code() == code.INVALID_ARGUMENT, e

ask = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer", pb.ModelInferRequest.SerializeToString, Answer.FromString)
# Many at once on one connection, and a deadline that passes while the workers are busy.
calls = [ask.future(infer("twice", [tensor("x", "FP32", [4], fp32_contents=[i, 0, 0, 0])]), timeout=90, metadata=token) for i in range(60)]
assert [c.result().outputs[0].contents.fp32_contents[0] for c in calls] == [2 * i for i in range(60)]
slow = infer("slow", [tensor("x", "FP32", [4, 1], fp32_contents=[1] * 4)])
busy = [ask.future(slow, timeout=90, metadata=token) for _ in range(50)]
refused(code.DEADLINE_EXCEEDED, "", "ModelInfer", good, Answer, timeout=0.03)
assert all(b.result().outputs for b in busy)
assert call("ModelInfer", good, Answer).outputs[0].contents.fp32_contents[0] == 2
print("PASSED")
