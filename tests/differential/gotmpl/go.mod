module gotmpl-record

go 1.22
