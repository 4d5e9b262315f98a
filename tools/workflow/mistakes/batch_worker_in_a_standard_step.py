from tasker_core.step_handler import BatchWorkerHandler


class Work(BatchWorkerHandler):
    def call(self, task, sequence, step):
        return {"count": step.cursor.end}
