// Package jackfield is what plugins in Go have beside the bindings of their world: configuration, the decision's
// moment, log lines, errors and optional values.
//
// A plugin is a package with the functions that its kind exports, for example
//
//	func Assign(snapshot routing.Snapshot) (routing.Plan, error)
//
// in the package of plugin.toml's folder. `jackfield plugin build` generates the packages of its world beside this one.
package jackfield

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"jackfield/bindings/cx_host_clock"
	"jackfield/bindings/cx_host_config"
	"jackfield/bindings/cx_host_log"
	"jackfield/bindings/cx_types_types"
	"jackfield/json"
	"jackfield/wit/types"
)

// Error is a failed decision or a refused capability, with a stable code for machines. Any other error that a plugin
// returns gets the code "error", and a panic "panic".
type Error = cx_types_types.Error

// Fail makes an [Error] that will be the same the next time.
func Fail(code, format string, values ...any) error {
	return Error{Code: code, Message: fmt.Sprintf(format, values...)}
}

// Option is a value that may be missing; the zero value is one that is.
type Option[T any] = types.Option[T]

// Some is a value that is there.
func Some[T any](value T) Option[T] { return types.Some(value) }

// None is a missing value.
func None[T any]() Option[T] { return types.None[T]() }

// Config fills a struct with the binding's configuration: fields keep what they hold where it says nothing, and what
// the struct has no field for is an error "bad-config".
func Config(into any) error {
	text := cx_host_config.Get()
	if text == "{}" {
		return nil
	}
	if err := json.Decode(text, into); err != nil {
		return Fail("bad-config", "the configuration: %v", err)
	}
	return nil
}

// Now is the moment at which the question was asked, in milliseconds since 1970. It stands still during a decision, and
// so does time.Now.
func Now() uint64 { return cx_host_clock.Now() }

// Time is a moment of the contract as the time package has it, in UTC.
func Time(moment uint64) time.Time { return time.UnixMilli(int64(moment)).UTC() }

// Logf writes a line for the plugin's author, at most 64 KiB a decision. fmt.Println works as well; what goes to
// standard error has the level "warn".
func Logf(format string, values ...any) {
	cx_host_log.Write(cx_host_log.Level_Info, fmt.Sprintf(format, values...))
}

//go:wasmimport wasi_snapshot_preview1 jackfield_begin
func setClock(now uint64)

// Begin is called by the generated code before a plugin decides.
func Begin() { setClock(Now()) }

// AsError is called by the generated code with the error that a plugin returned.
func AsError(err error) Error {
	var known Error
	if errors.As(err, &known) {
		return known
	}
	return Error{Code: "error", Message: err.Error()}
}

// Panicked is called by the generated code with what a plugin panicked with: where it did stands in the log.
func Panicked(cause any) Error {
	stack := debug.Stack()
	// What comes before are this function and its callers.
	if _, after, found := bytes.Cut(stack, []byte("\npanic(")); found {
		if _, rest, found := bytes.Cut(after, []byte("\n\t")); found {
			_, stack, _ = bytes.Cut(rest, []byte("\n"))
		}
	}
	message := fmt.Sprint(cause)
	cx_host_log.Write(cx_host_log.Level_Error, fmt.Sprintf("panic: %s\n%s", message, bytes.TrimSpace(stack)))
	return Error{Code: "panic", Message: message}
}
