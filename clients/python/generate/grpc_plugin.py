"""protoc's plugin for gRPC in Python, as a program: grpcio-tools has it only inside its protoc."""

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet


def answer(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Runs that protoc on what the request describes, and gives back the files it writes."""
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    with tempfile.TemporaryDirectory() as folder:
        described, written = Path(folder, "described.bin"), Path(folder, "written")
        described.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        written.mkdir()
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={described}"]
        subprocess.run([*protoc, f"--grpc_python_out={written}", *request.file_to_generate], check=True)
        for path in sorted(written.rglob("*.py")):
            response.file.add(name=path.relative_to(written).as_posix(), content=path.read_text())
    return response


if __name__ == "__main__":
    asked = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(answer(asked).SerializeToString())
