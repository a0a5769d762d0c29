module plugins/holiday-outbound

go 1.24

require jackfield v0.0.0

replace jackfield => ./target/go/jackfield
