// Runs a package made by AOTInductor without Python: run_package LIBRARY PACKAGE INPUTS OUTPUTS
//
// LIBRARY is ptus_kernels/_cpu.abi3.so, which brings the ops; INPUTS a list of tensors as torch.save writes it;
// OUTPUTS becomes a tuple of tensors, for torch.load. docs/export.md says how to compile this.

#include <dlfcn.h>
#include <torch/csrc/api/include/torch/serialize.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>
#include <vector>

namespace {

std::vector<char> contents_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  TORCH_CHECK(file, path, ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(char** arguments) {
  TORCH_CHECK(dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL) != nullptr, dlerror());
  torch::inductor::AOTIModelPackageLoader loader(arguments[2]);
  const c10::IValue list = torch::pickle_load(contents_of(arguments[3]));
  std::vector<at::Tensor> inputs;
  for (const c10::IValue& input : list.toListRef()) inputs.push_back(input.toTensor());
  std::vector<c10::IValue> outputs;
  for (at::Tensor& output : loader.run(inputs)) outputs.emplace_back(std::move(output));
  const std::vector<char> written = torch::pickle_save(c10::ivalue::Tuple::create(std::move(outputs)));
  std::ofstream(arguments[4], std::ios::binary).write(written.data(), static_cast<std::streamsize>(written.size()));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    std::cerr << "usage: run_package LIBRARY PACKAGE INPUTS OUTPUTS\n";
    return 2;
  }
  try {
    run(arguments);
  } catch (const c10::Error& error) {
    std::cerr << error.what_without_backtrace() << '\n';
    return 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
