// Package types holds what the generated bindings make options and results of.
package types

// The cases of an [Option] and of a [Result].
const (
	OptionNone = 0
	OptionSome = 1
	ResultOk   = 0
	ResultErr  = 1
)

// Option is a value that may be missing. The zero value is one that is.
type Option[T any] struct {
	some  bool
	value T
}

// Some is a value that is there.
func Some[T any](value T) Option[T] { return Option[T]{true, value} }

// None is a missing value.
func None[T any]() Option[T] { return Option[T]{} }

// Get is the value, and whether it is there.
func (o Option[T]) Get() (T, bool) { return o.value, o.some }

// Or is the value, or another one when it is missing.
func (o Option[T]) Or(otherwise T) T {
	if o.some {
		return o.value
	}
	return otherwise
}

// IsSome tells whether the value is there.
func (o Option[T]) IsSome() bool { return o.some }

// Tag is [OptionNone] or [OptionSome].
func (o Option[T]) Tag() uint8 {
	if o.some {
		return OptionSome
	}
	return OptionNone
}

// Some is the value; it panics when it is missing.
func (o Option[T]) Some() T {
	if !o.some {
		panic("the value of an option that has none")
	}
	return o.value
}

// Result is an answer or an error.
type Result[T any, E any] struct {
	failed bool
	ok     T
	err    E
}

// Ok is an answer.
func Ok[T any, E any](value T) Result[T, E] { return Result[T, E]{ok: value} }

// Err is an error.
func Err[T any, E any](err E) Result[T, E] { return Result[T, E]{failed: true, err: err} }

// Tag is [ResultOk] or [ResultErr].
func (r Result[T, E]) Tag() uint8 {
	if r.failed {
		return ResultErr
	}
	return ResultOk
}

// Ok is the answer, or its zero value.
func (r Result[T, E]) Ok() T { return r.ok }

// Err is the error, or its zero value.
func (r Result[T, E]) Err() E { return r.err }

// Unit is nothing.
type Unit struct{}

// Unpack is a result as Go has it.
func Unpack[T any, E error](r Result[T, E]) (T, error) {
	if r.failed {
		return r.ok, r.err
	}
	return r.ok, nil
}
