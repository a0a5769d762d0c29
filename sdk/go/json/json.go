// Package json reads JSON into Go values: a small stand-in for encoding/json, which would make a plugin a third larger
// and every fresh instance slower. It reads what the host gives, which is valid.
package json

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Decode fills what into points to: structs (by the names of their `json` tags), maps with text keys, slices, pointers,
// texts, numbers, truth values. What the text does not name keeps its value, null changes nothing, and a name that a
// struct has no field for is an error.
func Decode(text string, into any) error {
	d := decoder{text: text, names: map[reflect.Type][]string{}}
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("expected a pointer to fill, found %T", into)
	}
	if err := d.value(target.Elem()); err != nil {
		return err
	}
	if d.next() != 0 {
		return fmt.Errorf("more than one value")
	}
	return nil
}

type decoder struct {
	text string
	at   int
	// The names of the fields of structs.
	names map[reflect.Type][]string
}

// A mistake and where it is; the place is put together from the inside.
type mistake struct {
	place string
	what  string
}

func (m *mistake) Error() string {
	if m.place == "" {
		return "the value: " + m.what
	}
	return strings.TrimPrefix(m.place, ".") + ": " + m.what
}

func wrong(expected string) error { return &mistake{what: "expected " + expected} }

func within(place string, err error) error {
	if known, ok := err.(*mistake); ok {
		known.place = place + known.place
	}
	return err
}

func blank(byte byte) bool { return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' }

// The first byte of what comes next; 0 at the end.
func (d *decoder) next() byte {
	for ; d.at < len(d.text); d.at++ {
		if !blank(d.text[d.at]) {
			return d.text[d.at]
		}
	}
	return 0
}

func (d *decoder) value(into reflect.Value) error {
	switch begin := d.next(); begin {
	case '{':
		return d.object(into)
	case '[':
		return d.array(into)
	case '"':
		if into.Kind() == reflect.Pointer {
			break
		}
		text, err := d.string()
		if err != nil {
			return err
		}
		if into.Kind() != reflect.String {
			return wrong("no text")
		}
		into.SetString(text)
		return nil
	default:
		return d.word(into)
	}
	return d.pointed(into)
}

// What a pointer points to, made anew.
func (d *decoder) pointed(into reflect.Value) error {
	into.Set(reflect.New(into.Type().Elem()))
	return d.value(into.Elem())
}

func (d *decoder) object(into reflect.Value) error {
	if into.Kind() == reflect.Pointer {
		return d.pointed(into)
	}
	table := into.Kind() == reflect.Map && into.Type().Key().Kind() == reflect.String
	if !table && into.Kind() != reflect.Struct {
		return wrong("no object")
	}
	if table && into.IsNil() {
		into.Set(reflect.MakeMap(into.Type()))
	}
	for d.at++; d.next() == '"'; {
		name, err := d.string()
		if err != nil {
			return err
		}
		if d.next() != ':' {
			return wrong("a colon after a name")
		}
		d.at++
		if table {
			value := reflect.New(into.Type().Elem()).Elem()
			if err := d.value(value); err != nil {
				return within("."+name, err)
			}
			into.SetMapIndex(reflect.ValueOf(name).Convert(into.Type().Key()), value)
		} else if n := slices.Index(d.fields(into.Type()), name); n < 0 || name == "" {
			return &mistake{"." + name, "unknown field"}
		} else if err := d.value(into.Field(n)); err != nil {
			return within("."+name, err)
		}
		if d.next() == ',' {
			d.at++
		}
	}
	return d.end('}')
}

// The names of a struct's fields, by their index; none for those that are not exported.
func (d *decoder) fields(of reflect.Type) []string {
	names, known := d.names[of]
	if known {
		return names
	}
	for n := range of.NumField() {
		field := of.Field(n)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		if !field.IsExported() {
			name = ""
		}
		names = append(names, name)
	}
	d.names[of] = names
	return names
}

func (d *decoder) array(into reflect.Value) error {
	if into.Kind() == reflect.Pointer {
		return d.pointed(into)
	}
	if into.Kind() != reflect.Slice {
		return wrong("no list")
	}
	list := reflect.MakeSlice(into.Type(), 0, 0)
	for d.at++; d.next() != ']' && d.next() != 0; {
		value := reflect.New(into.Type().Elem()).Elem()
		if err := d.value(value); err != nil {
			return within(fmt.Sprintf("[%d]", list.Len()), err)
		}
		list = reflect.Append(list, value)
		if d.next() == ',' {
			d.at++
		}
	}
	into.Set(list)
	return d.end(']')
}

func (d *decoder) end(bracket byte) error {
	if d.next() != bracket {
		return wrong(strconv.QuoteRune(rune(bracket)))
	}
	d.at++
	return nil
}

// A number, true, false or null.
func (d *decoder) word(into reflect.Value) error {
	begin := d.at
	for d.at < len(d.text) && !blank(d.text[d.at]) && strings.IndexByte(",]}", d.text[d.at]) < 0 {
		d.at++
	}
	word := d.text[begin:d.at]
	if word == "null" {
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		d.at = begin
		return d.pointed(into)
	case reflect.Bool:
		if word != "true" && word != "false" {
			return wrong("true or false")
		}
		into.SetBool(word == "true")
	case reflect.Float32, reflect.Float64:
		number, err := strconv.ParseFloat(word, into.Type().Bits())
		if err != nil {
			return wrong("a number")
		}
		into.SetFloat(number)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		number, err := strconv.ParseInt(word, 10, into.Type().Bits())
		if err != nil {
			return wrong("a whole number that fits an " + into.Kind().String())
		}
		into.SetInt(number)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		number, err := strconv.ParseUint(word, 10, into.Type().Bits())
		if err != nil {
			return wrong("a whole number that fits a " + into.Kind().String())
		}
		into.SetUint(number)
	default:
		return wrong("something else than " + word)
	}
	return nil
}

func (d *decoder) string() (string, error) {
	begin := d.at + 1
	end := begin
	for plain := true; ; end++ {
		switch {
		case end >= len(d.text):
			return "", fmt.Errorf("a text without an end")
		case d.text[end] == '\\':
			plain = false
			end++
		case d.text[end] == '"':
			d.at = end + 1
			if plain {
				return d.text[begin:end], nil
			}
			return unescaped(d.text[begin:end])
		}
	}
}

func unescaped(text string) (string, error) {
	var out []byte
	for at := 0; at < len(text); at++ {
		if text[at] != '\\' {
			out = append(out, text[at])
			continue
		}
		at++
		if plain := strings.IndexByte("bfnrt", text[at]); plain >= 0 {
			out = append(out, "\b\f\n\r\t"[plain])
			continue
		}
		if text[at] != 'u' {
			out = append(out, text[at])
			continue
		}
		code, err := unit(text, at+1)
		if err != nil {
			return "", err
		}
		at += 4
		if utf16.IsSurrogate(code) && strings.HasPrefix(text[at+1:], `\u`) {
			low, err := unit(text, at+3)
			if err != nil {
				return "", err
			}
			code = utf16.DecodeRune(code, low)
			at += 6
		}
		out = utf8.AppendRune(out, code)
	}
	return string(out), nil
}

func unit(text string, at int) (rune, error) {
	if at+4 > len(text) {
		return 0, fmt.Errorf("an escape without an end")
	}
	code, err := strconv.ParseUint(text[at:at+4], 16, 16)
	return rune(code), err
}
