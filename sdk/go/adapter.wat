;; What Go asks a system for, answered without one: the module that stands where WASI's first preview would. The clock
;; stands at the moment that `jackfield_begin` tells, chance is the same each time, what is written goes into the
;; plugin's log, exit traps, and there are no files, arguments or environment variables. Only writing calls the host:
;; the collector reads the clock while the host waits for memory, and may not call it then.
(module
  (import "cx:host/log@0.1.0" "append" (func $append (param i64)))
  (import "cx:host/log@0.1.0" "end" (func $end (param i32)))
  (import "env" "memory" (memory 0))
  (global $now (mut i64) (i64.const 0))
  ;; What the build has started the program with lies before.
  (global $ticks (mut i64) (i64.const 1000000000))
  (global $chance (mut i64) (i64.const 0x9e3779b97f4a7c15))

  (func (export "jackfield_begin") (param $now i64)
    (global.set $now (local.get $now)))

  ;; 0 is the time of day; the others count how often they were asked.
  (func (export "clock_time_get") (param $clock i32) (param i64) (param $time i32) (result i32)
    (if (i32.eqz (local.get $clock))
      (then (i64.store (local.get $time) (i64.mul (global.get $now) (i64.const 1000000))))
      (else
        (global.set $ticks (i64.add (global.get $ticks) (i64.const 1000)))
        (i64.store (local.get $time) (global.get $ticks))))
    (i32.const 0))

  ;; SplitMix64.
  (func (export "random_get") (param $at i32) (param $count i32) (result i32)
    (local $mixed i64)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (global.set $chance (i64.add (global.get $chance) (i64.const 0x9e3779b97f4a7c15)))
        (local.set $mixed (global.get $chance))
        (local.set $mixed (i64.mul
          (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 30)))
          (i64.const 0xbf58476d1ce4e5b9)))
        (local.set $mixed (i64.mul
          (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 27)))
          (i64.const 0x94d049bb133111eb)))
        (i64.store8 (local.get $at) (i64.shr_u (local.get $mixed) (i64.const 32)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; Standard output has the level "info", standard error "warn"; a line ends where it ends.
  (func (export "fd_write") (param $file i32) (param $part i32) (param $parts i32) (param $written i32) (result i32)
    (local $at i32) (local $stop i32) (local $sum i32) (local $word i64) (local $shift i64) (local $byte i64)
    (if (i32.gt_u (i32.sub (local.get $file) (i32.const 1)) (i32.const 1))
      (then (return (i32.const 8))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $parts)))
        (local.set $at (i32.load (local.get $part)))
        (local.set $stop (i32.add (local.get $at) (i32.load offset=4 (local.get $part))))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $part))))
        (block $ended
          (loop $more
            (br_if $ended (i32.ge_u (local.get $at) (local.get $stop)))
            (local.set $byte (i64.load8_u (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (if (i64.eq (local.get $byte) (i64.const 10))
              (then
                (call $append (local.get $word))
                (local.set $word (i64.const 0))
                (local.set $shift (i64.const 0))
                (call $end (local.get $file)))
              (else
                (local.set $word (i64.or (local.get $word) (i64.shl (local.get $byte) (local.get $shift))))
                (local.set $shift (i64.add (local.get $shift) (i64.const 8)))
                (if (i64.eq (local.get $shift) (i64.const 64))
                  (then
                    (call $append (local.get $word))
                    (local.set $word (i64.const 0))
                    (local.set $shift (i64.const 0))))))
            (br $more)))
        (local.set $part (i32.add (local.get $part) (i32.const 8)))
        (local.set $parts (i32.sub (local.get $parts) (i32.const 1)))
        (br $next)))
    ;; The rest of a line waits with the host.
    (call $append (local.get $word))
    (i32.store (local.get $written) (local.get $sum))
    (i32.const 0))

  (func (export "proc_exit") (param i32) unreachable)
  (func (export "sched_yield") (result i32) (i32.const 0))

  (func $none (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  ;; 8 is "no such file", 52 "not supported".
  (func (export "clock_res_get") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 8))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "poll_oneoff") (param i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8)))
