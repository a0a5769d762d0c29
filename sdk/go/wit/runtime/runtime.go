// Package runtime gives the generated bindings memory.
package runtime

import (
	"runtime"
	"unsafe"
)

// Memory that the host fills is taken from pieces of this size, or of its own when it is larger.
const pieceWords = 512

var (
	// What is left of the current piece.
	free []uint64
	// Pieces that only the host knows of so far: the collector must see that they are in use.
	held [][]uint64
)

// Allocate gives memory that stays in its place until the pinner lets go of it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	pointer := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(pointer)
	return pointer
}

// Unpin lets go of what the host has filled: by now the texts and lists of the question point to it.
func Unpin() {
	free, held = nil, nil
}

// The host asks here for room for texts and lists.
//
//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("the host asked for memory to grow, which it never does")
	}
	words := int((size + 7) / 8)
	if words > len(free) {
		free = make([]uint64, max(words, pieceWords))
		held = append(held, free)
	}
	pointer := unsafe.Pointer(unsafe.SliceData(free))
	free = free[words:]
	return pointer
}
