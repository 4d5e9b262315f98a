// The Python module tasker_core._native: the C ABI of crates/ffi/tasker.h as two classes and some functions.
#include <pybind11/pybind11.h>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
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

// A worker whose health port is open. Every method but the destructor is entered without the GIL.
class Worker {
 public:
  explicit Worker(std::string_view options) {
    TaskerWorker *opened = nullptr;
    opened_ = value_of(tasker_worker_open(data_of(options), options.size(), &opened));
    worker_ = opened;
  }

  ~Worker() {
    py::gil_scoped_release release;
    close();
  }

  const std::string &opened() const { return opened_; }

  void importing(std::string_view module) {
    value_of(tasker_worker_importing(open(), data_of(module), module.size()));
  }

  void begin(std::string_view imported) {
    value_of(tasker_worker_begin(open(), data_of(imported), imported.size()));
  }

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

  std::string opened_;
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

// Makes a call without the GIL. Not by py::gil_scoped_release, whose destructor takes the GIL back: a thread that asks for
// it while the interpreter ends is unwound from there, and unwinding out of a destructor aborts the process.
template <typename Call>
auto without_gil(Call call) {
  using Value = decltype(call());
  std::optional<std::conditional_t<std::is_void_v<Value>, bool, Value>> value;
  std::exception_ptr error;
  PyThreadState *thread = PyEval_SaveThread();
  try {
    if constexpr (std::is_void_v<Value>) {
      call();
    } else {
      value = call();
    }
  } catch (...) {
    error = std::current_exception();
  }
  PyEval_RestoreThread(thread);
  if (error) std::rethrow_exception(error);
  if constexpr (!std::is_void_v<Value>) return *std::move(value);
}

template <typename Value, typename Class, typename... Arguments>
auto released(Value (Class::*method)(Arguments...)) {
  return [method](Class &self, Arguments... arguments) {
    return without_gil([&] { return (self.*method)(arguments...); });
  };
}

template <typename Value, typename... Arguments>
auto released(Value (*function)(Arguments...)) {
  return [function](Arguments... arguments) { return without_gil([&] { return function(arguments...); }); };
}

std::string template_check(std::string_view text, std::string_view file) {
  return value_of(tasker_template_check(data_of(text), text.size(), data_of(file), file.size()));
}

std::string templates_check(std::string_view files) {
  return value_of(tasker_templates_check(data_of(files), files.size()));
}

std::string templates_compare(std::string_view templates) {
  return value_of(tasker_templates_compare(data_of(templates), templates.size()));
}

std::string batches_split(std::string_view request) {
  return value_of(tasker_batches_split(data_of(request), request.size()));
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  py::register_local_exception_translator(translate);
  // With Python's own metaclass: pybind11's serves static properties and subclasses, of which there are none.
  py::metaclass plain{reinterpret_cast<PyObject *>(&PyType_Type)};
  py::class_<Worker>(module, "Worker", py::is_final(), plain)
      .def(py::init([](std::string_view options) {
             return without_gil([&] { return std::make_unique<Worker>(options); });
           }),
           py::arg("options"))
      .def_property_readonly("opened", &Worker::opened)
      .def("importing", released(&Worker::importing), py::arg("module"))
      .def("begin", released(&Worker::begin), py::arg("imported"))
      .def("next", released(&Worker::next), py::arg("timeout_ms"))
      .def("complete", released(&Worker::complete), py::arg("outcomes"))
      .def("fetch", released(&Worker::fetch), py::arg("request"), py::arg("timeout_ms"))
      .def("observe", released(&Worker::observe), py::arg("observation"))
      .def("set_slots", released(&Worker::set_slots), py::arg("slots"))
      .def("add_problem", released(&Worker::add_problem), py::arg("problem"))
      .def("drain", released(&Worker::drain), py::arg("timeout_ms"))
      .def("status", released(&Worker::status))
      .def("close", released(&Worker::close));
  py::class_<TestBench>(module, "TestBench", py::is_final(), plain)
      .def(py::init<std::string_view>(), py::arg("options"))
      .def_property_readonly("template", &TestBench::tested)
      .def("call", &TestBench::call, py::arg("command"));
  // With the GIL, as what runs at a fork has to.
  module.def("forked", [] { tasker_forked(); });
  module.def("template_check", released(template_check), py::arg("text"), py::arg("file"));
  module.def("templates_check", released(templates_check), py::arg("files"));
  module.def("templates_compare", released(templates_compare), py::arg("templates"));
  module.def("batches_split", released(batches_split), py::arg("request"));
  module.def("version", [] { return text_of(tasker_version()); });
}
