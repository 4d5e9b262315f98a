// The Python module tasker_core._native: the C ABI of crates/ffi/tasker.h as two classes and some functions.
#include <pybind11/pybind11.h>

#include <atomic>
#include <string>
#include <string_view>
#include <utility>

#include "crates/ffi/tasker.h"

namespace py = pybind11;

namespace {

// An error of the C ABI on its way to Python, where it is a subclass of tasker_core.errors.NativeError.
struct Failure {
  TaskerCode code;
  std::string message;
};

const char *error_class(TaskerCode code) {
  switch (code) {
    case TASKER_INVALID:
      return "InvalidArgumentError";
    case TASKER_STOPPED:
      return "WorkerStoppedError";
    case TASKER_FAILED:
      return "OperationFailedError";
    default:
      return "PanicError";
  }
}

void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const Failure &failure) {
    py::object type = py::module_::import("tasker_core.errors").attr(error_class(failure.code));
    py::set_error(type, py::str(failure.message));
  }
}

std::string text_of(TaskerBytes bytes) {
  std::string text(reinterpret_cast<const char *>(bytes.data), bytes.size);
  tasker_bytes_free(bytes);
  return text;
}

std::string value_of(TaskerResult result) {
  std::string text = text_of(result.bytes);
  if (result.code != TASKER_OK) throw Failure{result.code, std::move(text)};
  return text;
}

const uint8_t *data_of(std::string_view text) { return reinterpret_cast<const uint8_t *>(text.data()); }

// A started worker. Every method but the destructor is entered without the GIL.
class Worker {
 public:
  explicit Worker(std::string_view options) {
    TaskerWorker *started = nullptr;
    started_ = value_of(tasker_worker_start(data_of(options), options.size(), &started));
    worker_ = started;
  }

  ~Worker() {
    py::gil_scoped_release release;
    close();
  }

  const std::string &started() const { return started_; }

  std::string next(uint32_t timeout_ms) { return value_of(tasker_worker_next(open(), timeout_ms)); }

  void complete(std::string_view outcomes) {
    value_of(tasker_worker_complete(open(), data_of(outcomes), outcomes.size()));
  }

  std::string fetch(std::string_view request, uint32_t timeout_ms) {
    return value_of(tasker_worker_fetch(open(), data_of(request), request.size(), timeout_ms));
  }

  void observe(std::string_view observation) {
    value_of(tasker_worker_observe(open(), data_of(observation), observation.size()));
  }

  void set_slots(uint32_t slots) { value_of(tasker_worker_set_slots(open(), slots)); }

  void add_problem(std::string_view problem) {
    value_of(tasker_worker_add_problem(open(), data_of(problem), problem.size()));
  }

  void drain(uint32_t timeout_ms) { value_of(tasker_worker_drain(open(), timeout_ms)); }

  std::string status() { return value_of(tasker_worker_status(open())); }

  // Other threads may be inside a call: it ends before this returns.
  void close() { tasker_worker_free(worker_.exchange(nullptr)); }

 private:
  TaskerWorker *open() {
    TaskerWorker *worker = worker_.load();
    if (worker == nullptr) throw Failure{TASKER_STOPPED, "the worker is closed"};
    return worker;
  }

  std::string started_;
  std::atomic<TaskerWorker *> worker_{nullptr};
};

// A workbench for tests. It computes and waits for nothing, so its methods keep the GIL.
class TestBench {
 public:
  explicit TestBench(std::string_view options) {
    TaskerTest *made = nullptr;
    template_ = value_of(tasker_test_new(data_of(options), options.size(), &made));
    test_ = made;
  }

  TestBench(const TestBench &) = delete;
  TestBench &operator=(const TestBench &) = delete;

  ~TestBench() { tasker_test_free(test_); }

  const std::string &tested() const { return template_; }

  std::string call(std::string_view command) {
    return value_of(tasker_test_call(test_, data_of(command), command.size()));
  }

 private:
  std::string template_;
  TaskerTest *test_ = nullptr;
};

std::string template_check(std::string_view text, std::string_view file) {
  return value_of(tasker_template_check(data_of(text), text.size(), data_of(file), file.size()));
}

std::string batches_split(std::string_view request) {
  return value_of(tasker_batches_split(data_of(request), request.size()));
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  py::register_local_exception_translator(translate);
  using release = py::call_guard<py::gil_scoped_release>;
  // With Python's own metaclass: pybind11's serves static properties and subclasses, of which there are none.
  py::metaclass plain{reinterpret_cast<PyObject *>(&PyType_Type)};
  py::class_<Worker>(module, "Worker", py::is_final(), plain)
      .def(py::init<std::string_view>(), py::arg("options"), release())
      .def_property_readonly("started", &Worker::started)
      .def("next", &Worker::next, py::arg("timeout_ms"), release())
      .def("complete", &Worker::complete, py::arg("outcomes"), release())
      .def("fetch", &Worker::fetch, py::arg("request"), py::arg("timeout_ms"), release())
      .def("observe", &Worker::observe, py::arg("observation"), release())
      .def("set_slots", &Worker::set_slots, py::arg("slots"), release())
      .def("add_problem", &Worker::add_problem, py::arg("problem"), release())
      .def("drain", &Worker::drain, py::arg("timeout_ms"), release())
      .def("status", &Worker::status, release())
      .def("close", &Worker::close, release());
  py::class_<TestBench>(module, "TestBench", py::is_final(), plain)
      .def(py::init<std::string_view>(), py::arg("options"))
      .def_property_readonly("template", &TestBench::tested)
      .def("call", &TestBench::call, py::arg("command"));
  module.def("template_check", template_check, py::arg("text"), py::arg("file"), release());
  module.def("batches_split", batches_split, py::arg("request"), release());
  module.def("version", [] { return text_of(tasker_version()); });
}
