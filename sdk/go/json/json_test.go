package json

import (
	"reflect"
	"strings"
	"testing"
)

type inner struct {
	Zone string `json:"zone"`
}

type all struct {
	Text  string             `json:"text"`
	Few   uint8              `json:"few"`
	Below int64              `json:"below"`
	Half  float64            `json:"half"`
	Yes   bool               `json:"yes"`
	Table map[string]float64 `json:"table"`
	List  []inner            `json:"list"`
	Maybe *inner             `json:"maybe"`
	Kept  int                `json:"kept"`
}

func TestValuesOfAllKindsAreRead(t *testing.T) {
	text := `{ "text": "退\n款\u0041\ud83d\ude00\"\\\/", "few": 255, "below": -7, "half": 2.5e0, "yes": true,
		"table": {"a": 1, "b": 2}, "list": [{"zone": "x"}, {}], "maybe": {"zone": "y"}, "kept": null }`
	found := all{Kept: 3}
	if err := Decode(text, &found); err != nil {
		t.Fatal(err)
	}
	expected := all{
		"退\n款A😀\"\\/", 255, -7, 2.5, true, map[string]float64{"a": 1, "b": 2}, []inner{{"x"}, {}}, &inner{"y"}, 3,
	}
	if !reflect.DeepEqual(found, expected) {
		t.Fatalf("found %+v", found)
	}
}

func TestWhatDoesNotFitIsNamed(t *testing.T) {
	for text, part := range map[string]string{
		`{"nope": 1}`:           "nope: unknown field",
		`{"few": 256}`:          "few: expected a whole number",
		`{"few": "1"}`:          "few: expected no text",
		`{"text": 1}`:           "text: expected something else",
		`{"yes": 1}`:            "yes: expected true or false",
		`{"list": [{}, []]}`:    "list[1]: expected no list",
		`{"table": {"a": "b"}}`: "table.a: expected no text",
		`[]`:                    "the value: expected no list",
		`{"text": "x`:           "without an end",
		`{} 1`:                  "more than one value",
		`{"few": 1`:             "expected '}'",
		`{"text": "\u12"}`:      "without an end",
	} {
		err := Decode(text, &all{})
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: found %v, expected %q", text, err, part)
		}
	}
}
