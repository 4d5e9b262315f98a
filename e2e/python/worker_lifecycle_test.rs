//! Workers that stop, die, freeze, share and lose their engine while handlers run: each step ends once.

mod worker_lifecycle;
